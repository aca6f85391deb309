"""The convolutional network of Keras' examples, 15 epochs.

https://keras.io/examples/vision/mnist_convnet/
"""

# /// script
# dependencies = ["tensorflow-cpu==2.21.0"]
# ///
import keras
from keras import layers


def fit(images, labels, seed, budget):
    keras.utils.set_random_seed(seed)
    model = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(32, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Conv2D(64, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dropout(0.5),
            layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile(loss="categorical_crossentropy", optimizer="adam", metrics=["accuracy"])
    targets = keras.utils.to_categorical(labels, 10)
    model.fit(scaled(images), targets, batch_size=128, epochs=15, validation_split=0.1, verbose=2)
    return model


def predict(model, images):
    return model.predict(scaled(images), verbose=0)


def scaled(images):
    return images[..., None].astype("float32") / 255
