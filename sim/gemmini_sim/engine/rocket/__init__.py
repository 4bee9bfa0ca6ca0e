"""The timing of the host: Rocket, an in-order core of five stages, with its caches and its branch predictor."""
