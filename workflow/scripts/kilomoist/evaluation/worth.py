"""When a map is worth it: the gain over interpolated SMAP, 1 − MSE(map) / MSE(SMAP), and what is said of it."""

WORTH = 0.05
"""Gain below which a map is not worth it."""
GAIN_INTERVAL = 0.7
"""Probability between both ends of the gain that a run predicts: the widest, in steps of 0.05, that leaves a verdict to
two thirds (docs/scores.md)."""
WEIGHT_INTERVAL = 0.9
"""Confidence of the interval of the residual weight."""
USE_MAP, USE_SMAP, UNTOLD = "use the map", "use SMAP", "cannot be told"
