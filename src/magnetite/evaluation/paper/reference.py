"""The figures of Merker et al., iScience 25, 105192 (2022), as its text and tables give them."""

from __future__ import annotations

ORDER_RANGE = (0.738, 0.778, 0.807)
"""Lowest, mean and highest accuracy of twenty models of the order (Fig. 4)."""
K_RANGE = (0.681, 0.736, 0.850)
"""The same for zero or non-zero k."""
ORDER_SCORES = {"NM": (0.91, 0.92, 0.91), "AFM": (0.70, 0.68, 0.69), "FM": (0.68, 0.70, 0.69)}
"""Precision, recall and F1 (Table 1)."""
K_SCORES = {"zero": (0.70, 0.83, 0.76), "non-zero": (0.79, 0.64, 0.71)}
"""The same (Table 2)."""
COMPOSITION = {"Linear model": 0.5988, "Dense model 1": 0.530, "Dense model 2": 0.690, "CNN model": 0.672}
"""Accuracy (Table 3)."""
THRESHOLDS = {0.0: 0.76, 0.01: 0.69, 0.02: 0.65, 0.03: 0.68, 0.05: 0.67}
"""Accuracy at each threshold (Table 4)."""
SIZES = {1.0: 0.778, 0.75: 0.708, 0.5: 0.667, 0.25: 0.654}
"""Accuracy for each share of the training set (Limitations of the study)."""
