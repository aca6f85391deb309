"""Separable convolutions in Keras: 28 × 28 × 1 pictures from 0 to 1 → ten probabilities."""

import keras
from keras import layers


def build() -> keras.Model:
    """A new model; there is no need to compile it."""
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(16, 4, strides=2, padding="same", activation="relu"),
            layers.SeparableConv2D(32, 3, strides=2, padding="same", activation="relu"),
            layers.BatchNormalization(),
            layers.SeparableConv2D(64, 3, padding="same", activation="relu"),
            layers.GlobalMaxPooling2D(),
            layers.Dropout(0.1),
            layers.Dense(10, activation="softmax"),
        ]
    )
