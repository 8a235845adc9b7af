"""A running simulation and the ways to change it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from cwm_gym.envs.action_documents import record_from_document
from cwm_gym.live.edits import connected, moved, new_resource, resized, unknown, without
from cwm_gym.live.environments import EvolvedEnv, EvolvedVectorEnv, check_arguments
from cwm_gym.live.troubles import TroubledSimulation
from cwm_gym.spec import (
    Action,
    AddResourceParams,
    BulkResize,
    RecoveryPolicy,
    RemoveResourceParams,
    Resource,
    SetRecoveryPolicyParams,
    SimulationPatch,
)
from cwm_gym.spec.errors import ErrorCode, SpecError, invalid
from cwm_gym.spec.problems import pointer


class LiveSimulation(TroubledSimulation):
    """A simulation that runs without an agent and without an end, and is changed while it runs.

    It is a batch of one on the kernel of the environments. Time passes only in :meth:`step` and
    :meth:`run_until`. Every change takes effect at once, and what it costs counts in the step that
    follows. A call that raises leaves everything exactly as it was.

    Demand begins at the start of its curve (``startOffset`` is for episodes), so that step numbers
    of patterns and faults are those of the simulation's clock.

    Args:
        simulation: Document, mapping, path to a JSON file, or name of a scenario. Its
            ``currentTime`` is not taken over: the clock starts at 0.
        seed: Of demand noise, of random faults, and of what the simulation draws when it is asked
            to inject something. The same seed as an environment's gives the same world.
        episode: Fields set here replace those of the simulation's own episode. Its length is for
            environments made from the simulation.
        tick_seconds: Length of a step, s (1 to 3600); the episode's if None.
        split: ``train`` or ``test``: which random streams.
        autoscaler: ``on`` or ``off``; on if None where the scaled pool is marked ``autoscaling``.

    Raises:
        SpecError: For anything wrong in the documents.
    """

    def patch(self, changes: SimulationPatch | Mapping[str, Any]) -> dict[str, Any]:
        """Change the simulation itself.

        Args:
            changes: ``name``, ``description``, ``traffic`` (base, rps), ``resources``: those of a
                known id replace, others are appended, connected like their kind where no connection
                names them, and boot.

        Returns:
            As :meth:`document`.

        Raises:
            SpecError: If the result cannot be simulated.
        """
        patch = SimulationPatch.model_validate(changes).changes()
        asked = [one.id for one in patch.get("resources") or ()]
        known = [one.id for one in self._document.resources]
        order = [*known, *(name for name in asked if name not in known)]
        places = {
            pointer("resources", order.index(name)): pointer("resources", index)
            for index, name in enumerate(asked)
        }
        try:
            with self._whole():
                changed = self._document.patched(patch)
                self._change(connected(changed, [name for name in asked if name not in known]))
        except SpecError as error:
            raise moved(error, places) from None
        return self.document()

    def add_resource(self, document: Resource | AddResourceParams | Mapping[str, Any]) -> str:
        """Add a resource: a fleet boots, anything else is there at once.

        Args:
            document: A whole resource (one of the spares among them), or ``resourceType``,
                ``provider``, ``targetSize`` and ``regionKey``.

        Returns:
            Its id.

        Raises:
            SpecError: For a wrong resource, an id that is taken, and more than fits.
        """
        given = _addition(document)
        resource = new_resource(self._document, given)
        known = [one.id for one in self._document.resources]
        if resource.id in known:
            raise invalid(
                "/id",
                f"There is a resource '{resource.id}' already",
                "Use another id, or patch to replace it.",
            )
        with self._whole():
            spares = [one for one in self._document.spares if one.id != resource.id]
            changed = self._document.patched({"spares": spares, "resources": [resource]})
            try:
                self._change(connected(changed, [resource.id]))
            except SpecError as error:
                place = pointer("resources", len(known))
                parts = {"size": "targetSize", "region": "regionKey"}
                settings = {} if given.resource is not None else parts
                places = {f"{place}/characteristics/{a}": f"/{b}" for a, b in settings.items()}
                raise moved(error, {**places, place: ""}) from None
            text = f"{resource.id}: Resource added"
            self._log.write(self._engine.world, "resource_added", text, resource=resource.id)
        return resource.id

    def remove_resource(self, id: str) -> None:
        """Remove a resource; the requests that it holds fail, faults that aim at it are over.

        What only it led to is connected to what led to it.

        Args:
            id: Which.

        Raises:
            SpecError: For an unknown id, and where nothing can run without it.
        """
        known = [one.id for one in self._document.resources]
        if id not in known:
            raise unknown("resource", id, known)
        tiers = [
            tier
            for tier, name in enumerate(self.program.targets)
            if name == id or name.startswith(f"{id}/")
        ]
        with self._whole():
            changed = without(self._document, id)
            gone = {id, *(self.program.targets[tier] for tier in tiers)}
            aims = [{one.document.target, one.document.zone} for one in self._faults]
            self._faults = tuple(
                replace(one, aimless=True) if gone & aim else one
                for one, aim in zip(self._faults, aims, strict=True)
            )
            program = self._compiled(changed, self._lasting())
            if tiers:
                self._engine.empty(tiers)
                self._read_events()
            else:
                text = f"{id}: Resource removed"
                self._log.write(self._engine.world, "resource_removed", text, resource=id)
            self._engine.change_program(program)
            self._document = changed

    def act(self, document: Action | Mapping[str, Any]) -> list[dict[str, Any]]:
        """Carry out any Action document at once; time does not pass.

        Args:
            document: The action. What the kernel finds impossible (at a bound, no autoscaler to
                tune) is a counted no-op and an event, as in an environment.

        Returns:
            The events that it caused.

        Raises:
            SpecError: For a wrong action, one on something that does not exist, and one with
                ``tick_seconds``.
        """
        action = Action.from_document(document)
        if action.tick_seconds is not None:
            raise invalid(
                "/tick_seconds",
                "An action on a running simulation takes no time",
                "Leave tick_seconds out and call step().",
                ErrorCode.INVALID_REQUEST,
            )
        given = action.parameters
        mark = self._log.mark()
        try:
            if isinstance(given, AddResourceParams):
                self.add_resource(given)
            elif isinstance(given, RemoveResourceParams):
                self.remove_resource(given.resource_id)
            else:
                with self._whole():
                    record = record_from_document(action, self.program, self._engine.world)
                    self._engine.act(record)
                    self._read_events()
                    if isinstance(given, SetRecoveryPolicyParams):
                        self._keep_policy(given)
        except SpecError as error:
            if isinstance(given, RemoveResourceParams):
                error = moved(error, {pointer("resources", given.resource_id): "/resourceId"})
            if isinstance(given, AddResourceParams | RemoveResourceParams):
                whole = isinstance(given, AddResourceParams) and given.resource is not None
                raise error.under("/parameters/resource" if whole else "/parameters") from None
            raise
        return self._log.since(mark)

    def _keep_policy(self, given: SetRecoveryPolicyParams) -> None:
        """Write a policy into the document, so that later changes do not take it back."""
        for resource in self._document.resources:
            if resource.id == given.resource_id:
                changed = resource.patched({"recoveryPolicy": given.recovery_policy})
                self._change(self._document.patched({"resources": [changed]}))

    def set_recovery_policy(self, id: str, policy: RecoveryPolicy | Mapping[str, Any]) -> None:
        """Change when the health of a resource improves.

        Args:
            id: Which resource.
            policy: All four fields.

        Raises:
            SpecError: For an unknown resource or a wrong policy.
        """
        parameters = {"resourceId": id, "recoveryPolicy": policy}
        try:
            self.act({"type": "set_recovery_policy", "parameters": parameters})
        except SpecError as error:
            places = {
                "/parameters/resourceId": pointer("resources", str(id)),
                "/parameters/recoveryPolicy": "",
            }
            raise moved(error, places) from None

    def bulk_resize(self, size: str) -> dict[str, int]:
        """Give all compute resources one size.

        Machines change at once and keep their requests.

        Args:
            size: Size that the catalog of a compute resource's provider has; resources of other
                providers keep theirs.

        Returns:
            ``resizedCount``.

        Raises:
            SpecError: UNKNOWN_SIZE where no compute resource can have it.
        """
        wanted = BulkResize.model_validate({"dropletSize": size}).droplet_size
        with self._whole():
            changed, count = resized(self._document, wanted)
            self._change(changed)
        return {"resizedCount": count}

    def make_env(self, **kwargs: Any) -> EvolvedEnv:
        """Make an environment whose episodes begin in the present state.

        Args:
            **kwargs: As for ``gym.make("CloudAutoscale-v0", ...)``, but for ``scenario``,
                ``simulation``, ``faults`` and ``randomize``.

        Returns:
            ``CloudAutoscale-v0``. ``reset()`` returns to the state; ``options={"state": s}`` takes
            a ``state`` of this simulation too.

        Raises:
            SpecError: For arguments that are wrong or contradict the state.
        """
        return EvolvedEnv(self.program, self.state, **self._arguments(kwargs))

    def make_vec(self, num_envs: int, **kwargs: Any) -> EvolvedVectorEnv:
        """Make a batch of environments whose episodes begin in the present state.

        Args:
            num_envs: How many.
            **kwargs: As for ``gym.make_vec``, with the exceptions of :meth:`make_env`.

        Returns:
            The vector environment.

        Raises:
            SpecError: As :meth:`make_env`.
        """
        return EvolvedVectorEnv(self.program, self.state, num_envs, **self._arguments(kwargs))

    def _arguments(self, given: Mapping[str, Any]) -> dict[str, Any]:
        check_arguments(given)
        faults = self._written(self._lasting())
        simulation = self._with_surge(self._document).patched({"faults": faults})
        return {"split": self._split, **given, "simulation": simulation}


def _addition(given: Resource | AddResourceParams | Mapping[str, Any]) -> AddResourceParams:
    """Read what is to be added, in whichever way it is written."""
    if isinstance(given, AddResourceParams):
        return given
    if isinstance(given, Mapping) and {"resourceType", "resource_type"} & given.keys():
        return AddResourceParams.model_validate(given)
    return AddResourceParams(resource=Resource.model_validate(given))
