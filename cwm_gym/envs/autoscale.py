"""CloudAutoscale: run a web service at the least cost that keeps its promises."""

from __future__ import annotations

from cwm_gym.envs.scalar import CloudEnv
from cwm_gym.envs.vector import CloudVectorEnv


class CloudAutoscaleEnv(CloudEnv):
    r"""Decide, tick by tick, how many instances a service runs on.

    ## Description

    Requests arrive at a load balancer, are served by one or several pools of machines, cluster
    nodes or serverless instances, and call databases, caches, queues and volumes as the
    simulation's connections say. The agent scales one pool, the *scaled pool*; with
    `multi_discrete` actions it acts on every resource. Demand follows patterns or a recorded trace, with correlated noise. New
    instances take the provider's boot time before they serve; leaving ones drain and are paid for
    until they are gone. Too few instances make requests wait, time out and fail; too many cost
    money and hold database connections. Prices, boot times and limits are the provider's own
    (`cwm_gym.catalog`); latency and errors come from a queueing model that is checked against an
    exact simulation (see the documentation, *Physics*). Faults may strike, on schedule or at
    random (`faults`).

    A step is one tick of `tick_seconds` (60 s by default): the action is applied at its start, then
    the service runs for the whole tick, then it is measured.

    ## Action Space

    `action_mode="discrete"` (default): `Discrete(13)`.

    | index | action |
    |---|---|
    | 0 | `no_op` |
    | 1, 2, 3, 4 | `scale_out` by 1, 2, 4, 8 instances |
    | 5, 6, 7, 8 | `scale_in` by 1, 2, 4, 8 instances |
    | 9, 10, 11, 12 | `adjust_threshold`: CPU threshold 50, 60, 70, 80 % |

    A scaling action that would cross a bound goes to the bound. An action that can do nothing (at
    the bound, in the action cooldown, a threshold while the autoscaler is off) is masked in
    `info["action_mask"]`; sent anyway, it is a counted no-op.

    `action_mode="continuous"`: `Box(-1, 1, (2,), float32)`. The first number times half of the
    fleet's range, rounded, is the change of the fleet; the second times 10 percentage points is the
    change of the autoscaler's CPU threshold (ignored while the autoscaler is off). Values outside
    [-1, 1] are cut to it.

    `action_mode="multi_discrete"`: `MultiDiscrete((7, 16, 4))`: kind, target, magnitude.

    - Kinds: 0 `no_op`, 1 `scale_out`, 2 `scale_in`, 3 `adjust_threshold`, 4 `add_resource`,
      5 `remove_resource`, 6 `set_recovery_policy`.
    - Targets are tiers: 0 to 7 pools, 8 to 15 databases, their read replicas, caches and volumes;
      `env.unwrapped.program.targets` names them, empty where nothing stands. Only what stands by
      under `spares` (without any, a copy of the scaled pool) and what was removed can be added.
      The scaled pool cannot be removed.
    - Magnitudes 0 to 3: 1, 2, 4, 8 instances; a CPU threshold of 50, 60, 70, 80 %; a recovery
      policy of critical and warning CPU (%) and steps for both: (80, 70, 4), (90, 75, 2),
      (70, 60, 4), (60, 50, 6). Other kinds ignore it, as `no_op` and `adjust_threshold` ignore the
      target.

    `info["action_mask"]` then holds three arrays (of a vector environment one of int8 (N, 27)),
    in which a value is 0 only if no action that contains it can do anything.

    `env.unwrapped.step_document(document)` takes any `Action` document in every mode.

    ## Observation Space

    `observation_mode="vector"` (default): `Box` of float32, the same layout for every scenario.
    Measured quantities are as old as `metric_delay_s` says. Future demand is not part of it.

    | # | name | range | meaning |
    |---|---|---|---|
    | 0 | demand_per_max_capacity | [0, 4] | arrivals / capacity of the largest fleet |
    | 1 | demand_per_capacity | [0, 4] | arrivals / capacity of the ready fleet |
    | 2 | demand_per_desired_capacity | [0, 4] | arrivals / capacity once launches are ready |
    | 3 | demand_trend | [-1, 1] | 4 x change of arrivals in a tick / largest capacity |
    | 4 | demand_anomaly | [-1, 1] | 2 x (arrivals - their 15-minute mean) / largest capacity |
    | 5 | phase_sin | [-1, 1] | sine of the phase of the day |
    | 6 | phase_cos | [-1, 1] | cosine of the phase of the day |
    | 7 | ready | [0, 1] | ready instances / maximum |
    | 8 | pending | [0, 1] | launching instances / maximum |
    | 9 | draining | [0, 1] | draining instances / maximum |
    | 10 | minimum | [0, 1] | minimum / maximum of the fleet |
    | 11 | one_instance | [0, 1] | 1 / maximum: the share of one instance |
    | 12 | next_ready | [0, 1] | time to the next launch becoming ready / boot delay |
    | 13 | boot_delay | [0, 1] | boot delay b in ticks, as b / (1 + b) |
    | 14 | utilisation | [0, 1] | CPU utilisation of the ready fleet |
    | 15 | latency | [0, 1] | x / (1 + x) of P95 / limit: 0.5 at the limit |
    | 16 | errors | [0, 1] | x / (1 + x) of error rate / limit: 0.5 at the limit |
    | 17 | latency_violated | [0, 1] | 1 when P95 exceeds its limit |
    | 18 | errors_violated | [0, 1] | 1 when the error rate exceeds its limit |
    | 19 | backlog | [0, 1] | x / (1 + x) of waiting requests / a second's capacity |
    | 20 | cost_per_budget | [0, 4] | cost per hour / budget |
    | 21 | connection_pressure | [0, 1] | connection pressure / 3 |
    | 22 | database_present | [0, 1] | 1 when the service has a database |
    | 23 | database_utilisation | [0, 1] | utilisation of the database's vCPUs |
    | 24 | health | [0, 1] | 0 healthy, 1/3 warning, 2/3 critical, 1 offline |
    | 25 | cooldown | [0, 1] | share of the action cooldown that is left |
    | 26 | last_scaling | [-1, 1] | size of the last scaling action / maximum, signed |
    | 27 | since_scaling | [0, 1] | ticks since it n, as n / (10 + n) |
    | 28 | autoscaler_on | [0, 1] | 1 when the built-in autoscaler runs |
    | 29 | cpu_threshold | [0, 1] | its scale-out threshold; 0 when it is off |
    | 30 | lost | [0, 1] | instances that faults have taken / maximum |
    | 31 | notified | [0, 1] | spot instances under notice / maximum |
    | 32 | other_capacity | [0, 4] | capacity of the other entry pools / largest capacity |
    | 33 | cache_hit_rate | [0, 1] | share of the cache's visits that it answers; 0 without one |
    | 34 | queue_age | [0, 1] | x / (1 + x) of the oldest message's age / latency limit |
    | 35 | storage_utilisation | [0, 1] | IOPS of the busiest volume / its limit |
    | 36 | cold_starts | [0, 1] | share of requests that waited for a cold start |

    `observation_mode="dict"`: float32 boxes in raw units. One element each, under the
    specification's names where it has one: `rps`, `cpu_util` (fraction), `instances`, `traffic`
    (rps), `currentTime` (steps), `tick_seconds`, `cost_usd_hr`, `latency_p95` (ms), `error_rate`
    and `uptime` (fractions), `sla_violations` (0..2), `connection_pressure` (0..3),
    `cache_hit_rate` (fraction), `queue_depth` (messages), `queue_age_s`, `k8s_node_utilization`,
    `storage_iops_utilization` and `cold_start_share` (fractions); 0 where there is no such
    resource. `queue_depth` and `k8s_node_utilization` are 0 while `metric_delay_s` shows older
    ticks. And arrays:

    | name | shape | columns |
    |---|---|---|
    | `autoscaling_config` | (5,) | scale-out CPU, scale-in CPU, smallest fleet, largest fleet, cooldown (s) |
    | `scaling_history` | (8, 4) | time (s), signed change, size asked for, cause (0 agent, 1 autoscaler); newest first, then zeros |
    | `recent_events` | (16, 4) | time (s), number of the kind in `EVENT_KINDS`, tier + 1 (0 the whole service), first value; newest first, then (0, -1, 0, 0) |
    | `recovery_policies` | (16, 4) | by tier: critical CPU, its steps, warning CPU, its steps |
    | `health_status` | (16,) | by tier: 0 healthy, 1 warning, 2 critical, 3 offline |
    | `resource_present` | (16,) | by tier: 1 when the resource is there |

    The last 32 events of an episode are kept; scaling further back is not in the history.
    `env.unwrapped.observation_document()` writes the specification's `Observation`.

    ## Rewards

    With P95 latency p, error rate e, cost per hour c, and limits L, E and budget B:

    $$r = 0.35\,\text{performance} + 0.25\,\text{cost} + 0.20\,\text{stability} + 0.20\,\text{sla}
    + \text{connection pressure}$$

    - performance = 0.7 f(p/L) + 0.3 g(e/E); f(x) = 1 - x²/2 up to 1, then 1/(2x²);
      g(x) = 1 - x/2 up to 1, then 1/(2x)
    - cost = 1 - 0.25 c/B up to c = B, then 0.75 (B/c)²
    - stability = -0.1 a scaling action, -0.05 a configuration change, -0.2 more for reversing
      direction inside the cooldown; at least -1
    - sla = -0.5 for each violated limit
    - connection pressure = 0 up to 1.0, slope -1 to 1.5, slope -2 beyond, at least -1

    Every constant is a field of `RewardConfig`; `reward="dollars"` is what an operator pays
    instead. See the documentation, *Reward*.

    ## Starting State

    The scenario's initial fleet, ready and warm, with empty queues. The position on the demand
    curve (the time of day, or the window of a trace) and the noise are drawn from the
    environment's own stream, which derives from (split, seed). The first observation shows the
    demand of the tick before the episode; nothing has been measured yet, so latency and errors
    read zero.

    ## Episode End

    Truncation after `maxSteps` ticks. Termination only with `terminateOnOutage` in the episode:
    that many ticks in a row without one answered request.

    ## Arguments

    | name | default | meaning |
    |---|---|---|
    | `scenario` | `"aws-web-app"` | name of a ready-made service (`cwm_gym.scenarios()`) |
    | `simulation` | | `Simulation`, dict or path to JSON, in place of a scenario |
    | `episode` | | `EpisodeConfig` or dict; replaces fields of the simulation's own |
    | `traffic` | | pattern name, `TrafficPattern` documents, `TrafficForecast`, array (in JSON a list) of rps per tick, a trace: `pathlib.Path` or `{"trace": path, "column": ..., "unit": ...}`, or a calibrated generator: `{"generator": "diurnal", "flash_crowd" or "heavy_tailed_burst"}` |
    | `faults` | | `Fault` documents (one or a list), a sampling of random ones (`FaultSampling`, `{"ratesPerHour": {...}}`), or `{"faults": [...], "sampling": {...}}`; in place of the simulation's; a sampling given here happens whatever `enableFailures` says |
    | `action_mode` | `"discrete"` | or `"continuous"`, `"multi_discrete"` |
    | `observation_mode` | `"vector"` | or `"dict"` |
    | `reward` | `"documented"` | `"dollars"`, a `RewardConfig`, or a function `(metrics: dict of (N,) arrays) -> (N,)` called once a step |
    | `randomize` | | `{parameter: (low, high)}`, drawn per episode, e.g. `{"pool.0.boot_s": (30, 180)}` |
    | `metric_delay_s` | 0 | age of the observed metrics, up to 15 ticks |
    | `action_cooldown_s` | 0 | pause after a scaling action |
    | `autoscaler` | `"off"` | `"on"`: the built-in autoscaler acts and the agent tunes it |
    | `quantiles` | `"p95"` | `"all"`: P50 and P99 in `info["metrics"]` too |
    | `split` | `"train"` | `"test"`: other random streams, and the last part of a trace |
    | `max_episode_steps` | | in place of the episode's `maxSteps` |
    | `render_mode` | | `"rgb_array"`, `"human"`, `"ansi"` |

    `reset(options=...)` takes `traffic_offset_s`, `fleet`, `state`, `warmup_steps` with
    `warmup_tick_seconds`, and `fault`: documents of faults forced on this episode, their times
    counted in steps from its start.

    ## Vectorized environment

    `gym.make_vec("CloudAutoscale-v0", num_envs=1024)` is one call into the compiled kernel a step.
    Further arguments: `autoreset_mode` (NEXT_STEP by default, SAME_STEP, DISABLED), `copy` (True:
    observations are the caller's own) and `threads`. `scenario` and `simulation` also take a list,
    dealt out in turn. Environment i of a vector environment seeded s is bit-identical to the scalar
    environment seeded s + i.

    ## Version History

    - v0: first version. Until release 1.0 of the library its trajectories may change.
    """


class CloudAutoscaleVectorEnv(CloudVectorEnv):
    """Many :class:`CloudAutoscaleEnv` at once; its docstring lists the arguments."""
