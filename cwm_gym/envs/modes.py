"""Forms of actions: elements of a space, records of the kernel, masks, documents."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
from gymnasium import Space
from numpy.typing import NDArray

from cwm_gym.compiler import Program
from cwm_gym.core.actions import continuous_reach
from cwm_gym.core.records import DISCRETE_ACTIONS, MULTI_INSTANCES, MULTI_KINDS, MULTI_SIZES
from cwm_gym.envs import action_documents, multi_documents, spaces
from cwm_gym.spec import Action
from cwm_gym.spec.errors import invalid

_BOUNDS = list(pairwise(np.concatenate([[0], np.cumsum(MULTI_SIZES)]).tolist()))


class ActionMode(ABC):
    """One value of ``action_mode``.

    Attributes:
        space: Space of one environment's actions.
        mask_field: Field of ``OUT`` with the mask; empty where there is none.
    """

    space: Space[Any]
    mask_field = ""

    @abstractmethod
    def record(self, action: Any) -> NDArray[Any]:
        """Read one action.

        Args:
            action: Element of the space.

        Returns:
            ``ACTION[1]``, valid until the next call.

        Raises:
            SpecError: INVALID_REQUEST for a wrong shape or type.
        """

    @abstractmethod
    def records(self, actions: Any, into: NDArray[Any]) -> NDArray[Any]:
        """Read the actions of several environments.

        Args:
            actions: Element of the batched space.
            into: ``ACTION[N]`` that may be overwritten.

        Returns:
            ``ACTION[N]``.

        Raises:
            SpecError: INVALID_REQUEST for a wrong shape or type.
        """

    @abstractmethod
    def from_document(self, document: Action, program: Program, params: Any, world: Any) -> Any:
        """Find the action that a document describes.

        Args:
            document: The document.
            program: The scenario.
            params: ``PARAMS`` record in force.
            world: ``WORLD`` record.

        Returns:
            Element of the space.

        Raises:
            SpecError: INVALID_REQUEST where the mode cannot express it.
        """

    @abstractmethod
    def to_document(self, action: Any, program: Program, params: Any, world: Any) -> Action:
        """Describe an action.

        Args:
            action: Element of the space.
            program: The scenario.
            params: ``PARAMS`` record in force.
            world: ``WORLD`` record.

        Returns:
            The document.

        Raises:
            SpecError: INVALID_REQUEST for an action that no document describes.
        """

    @abstractmethod
    def label(self, action: Any) -> str:
        """Name an action in a few characters, for people."""

    def mask_reader(self, row: NDArray[np.int8]) -> Callable[[], Any]:
        """Make a function that copies a mask into the form that ``space.sample(mask=)`` takes.

        Args:
            row: One environment's mask in ``OUT``.

        Returns:
            The function.
        """
        return row.copy

    def flat_masks(self, out: Any) -> NDArray[np.bool_]:
        """Read the masks in the form that sb3-contrib takes.

        Args:
            out: ``OUT`` record or array.

        Returns:
            bool, one entry an action or, one part after the other, a value of its parts.

        Raises:
            SpecError: If the mode has no masks.
        """
        if not self.mask_field:
            raise invalid(
                "/action_mode",
                "Continuous actions have no mask",
                "Use 'discrete' or 'multi_discrete'.",
            )
        masks: NDArray[np.bool_] = out[self.mask_field].astype(np.bool_)
        return masks


class DiscreteMode(ActionMode):
    """The documented table of ready-made actions."""

    mask_field = "mask"

    def __init__(self) -> None:
        self.space = spaces.action_space("discrete")
        self._table = spaces.discrete_table()
        self._rows: list[NDArray[Any]] = [self._table[i : i + 1] for i in range(len(self._table))]

    def record(self, action: Any) -> NDArray[Any]:
        """Read one action; see :class:`ActionMode`."""
        try:
            index = action.__index__()
        except (AttributeError, TypeError):
            index = -1
        if not 0 <= index < len(self._rows) or isinstance(action, bool):
            raise spaces.bad_action(f"an integer 0..{len(self._rows) - 1}", repr(action))
        row: NDArray[Any] = self._rows[index]
        return row

    def records(self, actions: Any, into: NDArray[Any]) -> NDArray[Any]:
        """Read the actions of several environments; see :class:`ActionMode`."""
        indices = spaces.check_discrete(actions, len(into))
        taken: NDArray[Any] = np.take(self._table, indices, out=into, mode="clip")
        return taken

    def from_document(self, document: Action, program: Program, params: Any, world: Any) -> int:
        """Find the action that a document describes; see :class:`ActionMode`."""
        return action_documents.discrete_from_document(document)

    def to_document(self, action: Any, program: Program, params: Any, world: Any) -> Action:
        """Describe an action; see :class:`ActionMode`."""
        index = int(spaces.check_discrete(np.asarray([action]), 1)[0])
        return action_documents.document_from_discrete(index)

    def label(self, action: Any) -> str:
        """Name an action in a few characters, for people."""
        kind, value = DISCRETE_ACTIONS[int(action)]
        return kind.replace("_", " ") + (f" {value}" if value else "")


class ContinuousMode(ActionMode):
    """A change of the fleet and of the CPU target."""

    def __init__(self) -> None:
        self.space = spaces.action_space("continuous")
        self._record = spaces.blank_actions(1)

    def record(self, action: Any) -> NDArray[Any]:
        """Read one action; see :class:`ActionMode`."""
        return spaces.continuous_actions(spaces.check_pair(action), self._record)

    def records(self, actions: Any, into: NDArray[Any]) -> NDArray[Any]:
        """Read the actions of several environments; see :class:`ActionMode`."""
        return spaces.continuous_actions(spaces.check_continuous(actions, len(into)), into)

    def from_document(self, document: Action, program: Program, params: Any, world: Any) -> Any:
        """Find the action that a document describes; see :class:`ActionMode`."""
        return action_documents.continuous_from_document(document, *_terms(params, world))

    def to_document(self, action: Any, program: Program, params: Any, world: Any) -> Action:
        """Describe an action; see :class:`ActionMode`."""
        pair = spaces.check_pair(action)[0]
        return action_documents.document_from_continuous(pair, *_terms(params, world))

    def label(self, action: Any) -> str:
        """Name an action in a few characters, for people."""
        return ", ".join(f"{float(part):+.2f}" for part in action)


class MultiDiscreteMode(ActionMode):
    """Kind x target x magnitude: all seven types of action on every resource."""

    mask_field = "multi_mask"

    def __init__(self) -> None:
        self.space = spaces.action_space("multi_discrete")
        self._tables = spaces.multi_tables()
        kinds, _, magnitudes = MULTI_SIZES
        self._rows: list[list[NDArray[Any]]] = [
            [
                spaces.multi_actions(np.array([[kind, 0, magnitude]]), self._tables)
                for magnitude in range(magnitudes)
            ]
            for kind in range(kinds)
        ]

    def record(self, action: Any) -> NDArray[Any]:
        """Read one action; see :class:`ActionMode`."""
        try:
            # One by one: of three numbers, that is several times cheaper than by array.
            parts = [-1 if isinstance(part, bool) else part.__index__() for part in action]
        except (AttributeError, TypeError):
            parts = []
        inside = [0 <= part < size for part, size in zip(parts, MULTI_SIZES, strict=False)]
        if len(parts) != 3 or not all(inside):
            largest = ", ".join(str(size - 1) for size in MULTI_SIZES)
            raise spaces.bad_action(f"three integers from 0 to ({largest})", repr(action))
        row = self._rows[parts[0]][parts[2]]
        row["target"] = parts[1]
        return row

    def records(self, actions: Any, into: NDArray[Any]) -> NDArray[Any]:
        """Read the actions of several environments; see :class:`ActionMode`."""
        return spaces.multi_actions(spaces.check_multi(actions, len(into)), self._tables)

    def from_document(self, document: Action, program: Program, params: Any, world: Any) -> Any:
        """Find the action that a document describes; see :class:`ActionMode`."""
        return multi_documents.multi_from_document(document, program)

    def to_document(self, action: Any, program: Program, params: Any, world: Any) -> Action:
        """Describe an action; see :class:`ActionMode`."""
        triple = spaces.check_multi(np.asarray(action)[np.newaxis], 1)[0]
        return multi_documents.document_from_multi(triple, program)

    def label(self, action: Any) -> str:
        """Name an action in a few characters, for people."""
        kind, target, magnitude = (int(part) for part in action)
        name = MULTI_KINDS[kind]
        if name == "no_op":
            return "no op"
        count = f" {MULTI_INSTANCES[magnitude]}" if name.startswith("scale") else ""
        return f"{name.replace('_', ' ')}{count} @{target}"

    def mask_reader(self, row: NDArray[np.int8]) -> Callable[[], Any]:
        """Make a function that copies a mask into its three parts; see :class:`ActionMode`."""
        parts = [row[first:last] for first, last in _BOUNDS]
        return lambda: tuple(part.copy() for part in parts)


def _terms(params: Any, world: Any) -> tuple[int, float]:
    """What a continuous action refers to: instances that 1 adds, and the threshold now."""
    pool = params["pool"][int(params["episode"]["primary"])]
    reach = continuous_reach.py_func(int(pool["maximum"]), int(pool["minimum"]))
    return reach, float(world["autoscaler"]["out_cpu"])


MODES: dict[str, type[ActionMode]] = {
    "discrete": DiscreteMode,
    "continuous": ContinuousMode,
    "multi_discrete": MultiDiscreteMode,
}
"""Mode by name."""
