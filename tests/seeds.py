"""The seeds over which claims are tested: five, or as many as CLAIM_SEEDS says."""

import os

FEW = range(5)
SEEDS = range(int(os.environ.get("CLAIM_SEEDS", len(FEW))))
