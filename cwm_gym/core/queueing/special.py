"""Special functions of the queueing physics, in the few forms that the kernel needs."""

from __future__ import annotations

import math

import numpy as np

from cwm_gym.core.jit import jit

_SQRT_HALF = math.sqrt(0.5)
_INV_SQRT_2PI = 1.0 / math.sqrt(2.0 * math.pi)


@jit
def normal_pdf(x: float) -> float:
    """Density of the standard normal distribution."""
    return _INV_SQRT_2PI * math.exp(-0.5 * x * x)


@jit
def normal_cdf(x: float) -> float:
    """Distribution function of the standard normal distribution."""
    return 0.5 * math.erfc(-x * _SQRT_HALF)


@jit
def mills(x: float) -> float:
    """Mills ratio (1 - Phi(x)) / phi(x) for x >= 0, by its asymptotic series from 8 on."""
    if x < 8.0:
        return 0.5 * math.erfc(x * _SQRT_HALF) / (_INV_SQRT_2PI * math.exp(-0.5 * x * x))
    i = 1.0 / (x * x)
    return (1.0 - i * (1.0 - 3.0 * i * (1.0 - 5.0 * i * (1.0 - 7.0 * i)))) / x


@jit
def inverse_erlang_b(servers: float, load: float) -> float:
    """Inverse of Erlang's loss probability, for any real number of servers >= 1.

    Uniform asymptotic expansion of the incomplete gamma function (Temme 1979; Jagerman 1974;
    Janssen, van Leeuwaarden, Zwart 2008): with ``a = sgn(1-r) sqrt(2c (r-1-ln r))``,
    ``1/B = sqrt(c) (1 + 1/(12c)) Phi(a)/phi(a) + 1 + sqrt(c)/a - 1/(1-r)``.
    For r > 1.2, and for few servers, four terms of Legendre's continued fraction of the same
    function: ``1/B = a / (a - c + c/(a + 2 - c + 2(c-1)/(a + 4 - c + ...)))`` with a = r c, which
    ends by itself for whole c <= 4. ``1/B - 1`` is within 0.7 % for c = 1..256 and r > 0.6.

    Args:
        servers: Number of servers c.
        load: Offered load per server r = arrival rate / (c * service rate).

    Returns:
        1 / B(c, r c), at least 1, and 1e300 where nobody ever waits.
    """
    if load < 1e-9:
        return 1e300
    excess = load - 1.0
    if load > 1.2 or (load > 0.6 and servers <= 4.0):
        gap = excess * servers
        tail = gap + 6.0 + 4.0 * (servers - 3.0) / (gap + 8.0)
        tail = gap + 4.0 + 3.0 * (servers - 2.0) / tail
        tail = gap + 2.0 + 2.0 * (servers - 1.0) / tail
        return load * servers / (gap + servers / tail)
    root = math.sqrt(servers)
    if abs(excess) < 1e-4:
        alpha = -excess * root
        rest = -1.0 / 3.0 + excess / 12.0
    else:
        alpha = root * math.sqrt(2.0 * (excess - math.log(load)))
        if excess > 0.0:
            alpha = -alpha
        rest = root / alpha + 1.0 / excess
    if alpha > 37.0:
        return 1e300
    if alpha < -6.0:
        ratio = mills(-alpha)
    else:
        ratio = normal_cdf(alpha) / normal_pdf(alpha)
    result: float = max(root * ratio * (1.0 + 1.0 / (12.0 * servers)) + 1.0 + rest, 1.0 + 1e-12)
    return result


@jit
def truncated_exponential(rate: float, end: float) -> tuple[float, float, float, float, float]:
    """Integrals of ``x^k exp(-rate x)`` over (0, end) for k = 0, 1, 2, scaled against overflow.

    Args:
        rate: Any sign.
        end: Finite, >= 0.

    Returns:
        ``scale, scale*exp(-rate end), scale*I0, scale*I1, scale*I2`` where scale is 1 for
        rate >= 0 and exp(rate end) for rate clearly below 0.
    """
    x = rate * end
    if x > 40.0:
        i = 1.0 / rate
        return 1.0, 0.0, i, i * i, 2.0 * i * i * i
    if abs(x) < 5e-3:
        square = end * end
        return (
            1.0,
            1.0 - x,
            end * (1.0 - x / 2.0),
            square * (0.5 - x / 3.0),
            square * end * (1.0 / 3.0 - x / 4.0),
        )
    if x > 0.0:
        scale = 1.0
        edge = math.exp(-x)
    else:
        scale = math.exp(x)
        edge = 1.0
    i = 1.0 / rate
    zeroth = (scale - edge) * i
    first = (scale - (1.0 + x) * edge) * i * i
    second = (2.0 * scale - (2.0 + 2.0 * x + x * x) * edge) * i * i * i
    return scale, edge, zeroth, first, second


@jit
def inverse_cube_root(x: float) -> float:
    """``x ** (-1/3)`` for positive normal x, to 1e-13.

    A third of the exponent by integer division of the bit pattern, then Newton's iteration
    ``y += y (1 - x y^3) / 3``; less than half the time of the general power.
    """
    bits = np.float64(x).view(np.int64)
    y = np.int64(6142909891733356544 - bits // 3).view(np.float64)
    third = 1.0 / 3.0
    for _ in range(4):
        y += y * third * (1.0 - x * y * y * y)
    return y


@jit
def gamma_below(cv2: float, limit: float) -> tuple[float, float]:
    """Probability and partial mean of a gamma variable of mean 1 below a limit.

    In the form of Wilson and Hilferty (1931), ``X = (a + b Z)^3`` with ``b^2 = cv2 / 9`` and
    ``a = 1 - b^2``, both are closed.

    Args:
        cv2: Squared coefficient of variation, up to about 9.
        limit: Positive.

    Returns:
        P(X < limit) and E[X; X < limit].
    """
    c = cv2 / 9.0
    a = 1.0 - c
    b = math.sqrt(c)
    z = (limit ** (1.0 / 3.0) - a) / b
    below = normal_cdf(z)
    f = normal_pdf(z)
    part = a * (a * a + 3.0 * c) * below - b * f * (3.0 * a * (a + b * z) + c * (z * z + 2.0))
    return below, part
