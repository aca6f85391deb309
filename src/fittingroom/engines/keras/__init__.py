"""The Keras engine, on whichever backend ``KERAS_BACKEND`` names; PyTorch where it names none."""
