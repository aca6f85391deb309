# %% [markdown]
# # 3. A convolutional network (CNN)
#
# A dense layer does not know which pixels are neighbours. A convolutional layer does: it looks at
# small patches, and at every patch with the same few weights. You will
#
# - run a convolution by hand, and see what comes out;
# - build a CNN in Keras, and train it for a few epochs;
# - look at a garment from inside the network;
# - train this project's own CNN in one line.
#
# The Keras network is that of the notebook project that this one grew from.

# %% tags=["parameters"]
DATA = None  # None: the real data; "sample": 2,500 of its images, which come with the package
EPOCHS = 2  # of the Keras network, a minute or more each; its full training has up to 30
RECIPE = "cnn"  # what the one line trains: a name in fittingroom.RECIPES, or a recipe of your own
RUNS = "runs"  # the folder for what it trains, relative to the working folder

# %%
import json
import os
from pathlib import Path

# Keras computes with another framework beneath it. Here that is PyTorch, unless you chose another.
os.environ.setdefault("KERAS_BACKEND", "torch")
# Let waiting threads sleep: otherwise training crawls as soon as another program runs.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("GOMP_SPINCOUNT", "5000")

import keras
import numpy as np
import pandas as pd
from IPython.display import Image, Markdown
from matplotlib.figure import Figure

import fittingroom
from fittingroom import plots
from fittingroom.data import SplitRule
from fittingroom.metrics import wilson
from fittingroom.numbers import percent_estimate, seconds, some
from fittingroom.plots.style import REST, drawn

ORANGE = plots.model_colour(1)


def show(figure, alt, sheet=False):
    """A figure; `alt` is for those who do not see it. A sheet needs fewer dots, and more shades."""
    dots, colours = (96, 128) if sheet else (192, 48)  # to the inch; of the palette
    png = plots.png(figure, dots_per_inch=dots, colours=colours)
    return Image(png, retina=not sheet, alt=alt)


# %% [markdown]
# ## The images
#
# As in notebook 2, with an axis for the colour channel: grey has one.

# %%
dataset = fittingroom.find_dataset(DATA)
split = dataset.split(SplitRule("last", "1/5"))
x_train = (split.training.images / 255).astype("float32")[..., np.newaxis]  # (N, 28, 28, 1)
x_val = (split.validation.images / 255).astype("float32")[..., np.newaxis]
y_train, y_val = split.training.labels, split.validation.labels
print(f"{dataset.name}: training {x_train.shape}, validation {x_val.shape}")

# %% [markdown]
# ## A convolution by hand
#
# Take nine weights, a *kernel* of 3 × 3. Lay it on a patch of the image, multiply each pixel by
# the weight that lies on it, add up: one number. Move the kernel by one pixel and do it again,
# over the whole image. The result is an image that is bright where the patch looks like the
# kernel.
#
# These two kernels find edges: one where it gets brighter from left to right, one from top to
# bottom. *Max pooling* then keeps the largest of each 2 × 2 numbers. The image shrinks to a
# quarter, and the exact place of an edge matters less.

# %%
boot = int(np.flatnonzero(y_val == dataset.classes.index("Ankle boot"))[0])
image = x_val[boot, :, :, 0]
vertical = np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]])
horizontal = vertical.T


def convolve(image, kernel):
    """What a convolution without padding gives: (26, 26) of a (28, 28) image."""
    patches = np.lib.stride_tricks.sliding_window_view(image, (3, 3))  # (26, 26, 3, 3)
    return (patches * kernel).sum(axis=(2, 3))


def max_pool(values):
    """The largest of each 2 × 2 numbers: (13, 13) of (26, 26)."""
    return values.reshape(13, 2, 13, 2).max(axis=(1, 3))


@drawn
def five_in_a_row(images):
    figure = Figure(figsize=(8.6, 1.9))
    for axes, (title, values) in zip(figure.subplots(1, 5), images.items(), strict=True):
        top = np.abs(values).max() or 1
        axes.imshow(values, cmap="RdBu", vmin=-top, vmax=top)
        axes.set_title(title, fontsize=8)
        axes.set_axis_off()
    return figure


show(
    five_in_a_row(
        {
            "image": image,
            "vertical edges": convolve(image, vertical),
            "after max pooling": max_pool(convolve(image, vertical)),
            "horizontal edges": convolve(image, horizontal),
            "after pooling": max_pool(convolve(image, horizontal)),
        }
    ),
    "A boot, its vertical and horizontal edges by two kernels, and both after max pooling",
)

# %% [markdown]
# Blue is positive, red negative. Nobody gives a CNN its kernels: training finds them, 32 in the
# first layer of the network below. The next layer looks at the 32 images that come out, and so
# on: edges, then corners and stripes, then collars and heels.
#
# ## The network
#
# - **RandomFlip, RandomRotation**: augmentation as layers, at work in training only.
# - **Conv2D**: `same` adds a border of zeros so that the size stays; without it one pixel is lost
#   at each side.
# - **BatchNormalization** gives the numbers between layers a mean of 0 and a spread of 1, so that
#   training can take larger steps.
# - **MaxPooling2D**, **Dropout**, **Flatten**, **Dense**: as before.

# %%
keras.utils.set_random_seed(0)  # so that you get the same training again
kinds = keras.layers
model = keras.Sequential(
    [
        keras.Input((28, 28, 1)),
        kinds.RandomFlip("horizontal"),
        kinds.RandomRotation(0.1),
        kinds.Conv2D(32, 3, padding="same", activation="relu"),
        kinds.BatchNormalization(),
        kinds.Conv2D(32, 3, activation="relu"),
        kinds.MaxPooling2D(),
        kinds.Dropout(0.3),
        kinds.Conv2D(64, 3, padding="same", activation="relu"),
        kinds.BatchNormalization(),
        kinds.Conv2D(64, 3, activation="relu"),
        kinds.MaxPooling2D(),
        kinds.Dropout(0.3),
        kinds.Flatten(),
        kinds.Dense(128, activation="relu"),
        kinds.BatchNormalization(),
        kinds.Dropout(0.4),
        kinds.Dense(10, activation="softmax"),
    ]
)
model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])

# %% [markdown]
# Follow an image through it: it gets smaller and thicker, until dense layers turn it into ten
# probabilities. *Multiply-adds* is the work for one image: a convolution uses each of its weights
# at every place.

# %%
rows = []
for layer in model.layers:
    if not layer.weights or isinstance(layer, (kinds.BatchNormalization, kinds.RandomRotation)):
        continue
    weights = layer.count_params()
    positions = int(np.prod(layer.output.shape[1:-1]))  # 1 for a dense layer
    rows.append(
        {
            "layer": layer.name,
            "gives": " × ".join(str(size) for size in layer.output.shape[1:]),
            "weights": f"{weights:,}",
            "multiply-adds": f"{int(np.prod(layer.kernel.shape)) * positions:,}",
        }
    )
pd.DataFrame(rows).set_index("layer").rename_axis(None)

# %% [markdown]
# The three convolutions have few weights and do nearly all the work. Few weights mean little room
# to learn images by heart. Much work is why this network takes so much longer to train than the
# dense one.
#
# ## A few epochs
#
# The notebook project trained for 30 epochs at most, and stopped once the validation loss had not
# fallen for five (*early stopping*), keeping the weights of the best one. With a few epochs it has
# no effect; it stands here because it belongs to the recipe.

# %%
stopping = keras.callbacks.EarlyStopping(
    monitor="val_loss", patience=5, restore_best_weights=True, verbose=0
)
few = model.fit(
    x_train,
    y_train,
    batch_size=32,
    epochs=EPOCHS,
    validation_data=(x_val, y_val),
    callbacks=[stopping],
    verbose=2,
)

# %%
predicted = model.predict(x_val, batch_size=500, verbose=0)
right = int((predicted.argmax(axis=1) == y_val).sum())
now = wilson(right, len(y_val))
Markdown(
    f"{right:,} of {len(y_val):,} validation images are classified correctly: "
    f"**{percent_estimate(now, 2)}**, with the 95% interval in brackets."
)

# %% [markdown]
# ## The full training
#
# We did this too, and stored the results. The figure shows your few epochs beside our first seed.

# %%
places = [Path.cwd(), *Path.cwd().parents, *Path(fittingroom.__file__).resolve().parents]
files = [place / "docs" / "results" / "verify-keras-cnn.json" for place in places]
file = next((path for path in files if path.is_file()), None)
full = json.loads(file.read_text(encoding="utf-8")) if file else None
history = full["seeds"][0]["history"] if full else []


@drawn
def beside_full_run(few, history):
    figure = Figure(figsize=(6.6, 2.7))
    axes = figure.add_subplot()
    for name, here, stored, dot, line in (
        ("training", "accuracy", "train_accuracy", "s", "--"),
        ("validation", "val_accuracy", "val_accuracy", "o", "-"),
    ):
        values = [100 * value for value in few[here]]
        axes.plot(range(1, len(values) + 1), values, dot, color=ORANGE, label=f"{name}, here")
        if history:
            values = [100 * epoch[stored] for epoch in history]
            epochs = range(1, len(values) + 1)
            axes.plot(epochs, values, line, color=REST, zorder=1, label=f"{name}, full run")
    axes.grid(axis="y")
    axes.set_xlabel("epoch")
    axes.set_ylabel("accuracy, %")
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False)
    return figure


show(
    beside_full_run(few.history, history),
    "Accuracy by epoch: the few epochs here, and the full run",
)

# %%
if full:
    seed = full["seeds"][0]
    best = history[seed["best_epoch"] - 1]
    each = seed["seconds"] / len(history)
    text = (
        f"The full run took {len(history)} epochs at {each:.0f} s each. Its best "
        f"epoch, {best['epoch']}, had a validation accuracy of {best['val_accuracy']:.1%}, "
        f"with {best['train_accuracy']:.1%} on the training images."
    )
else:
    text = (
        "The stored full run (`docs/results/verify-keras-cnn.json`) is not here: it comes with the "
        "repository, not with the installed package. Everything else works without it."
    )
Markdown(text)

# %% [markdown]
# If training accuracy lies *below* validation accuracy, nothing is wrong: in training, images are
# turned and neurons are switched off; in validation neither. Accuracy often jumps from epoch to
# epoch if the learning rate stays as high as it was at the beginning.
#
# ## A garment from inside
#
# This is what the first layer makes of the boot, for sixteen of its 32 kernels, the most active
# first. Each image shows where a kernel found what it looks for; darker is more.

# %%
convolutions = [layer for layer in model.layers if isinstance(layer, kinds.Conv2D)]
inside = keras.Model(model.inputs, convolutions[0].output)
maps = inside.predict(x_val[boot : boot + 1], verbose=0)[0]  # (28, 28, 32)
liveliest = np.argsort(-maps.std(axis=(0, 1)))[:16]
grey = [np.uint8(255 * maps[..., at] / (maps[..., at].max() or 1)) for at in liveliest]
show(
    plots.sample_sheet(
        [
            plots.SampleRow("image", split.validation.images[boot : boot + 1]),
            plots.SampleRow("inside", np.stack(grey[:8])),
            plots.SampleRow("", np.stack(grey[8:])),
        ]
    ),
    "A boot, and what sixteen kernels of the first layer make of it",
    sheet=True,
)

# %% [markdown]
# ## What it predicts
#
# The same validation images as in notebook 2.

# %%
tiles = tuple(
    plots.Tile(
        image=split.validation.images[place],
        title=dataset.classes[y_val[place]],
        predicted=dataset.classes[probabilities.argmax()],
        right=bool(probabilities.argmax() == y_val[place]),
        note=f"{probabilities.max():.0%}",
    )
    for place, probabilities in enumerate(predicted[:16])
)
show(
    plots.tile_sheet({"Validation images": tiles}),
    "Sixteen validation images with their true names and what the network predicts",
    sheet=True,
)

# %% [markdown]
# ## The same in one line
#
# This project's own CNN, trained in full on the real data:

# %%
run = fittingroom.train(RECIPE, seed=0, session=fittingroom.Session(data=DATA, runs=RUNS))

# %%
score = wilson(int(run.validation.correct.sum()), len(run.validation))
Markdown(
    f"`{run.recipe.name}`: {some(len(run.history), 'epoch')} in {seconds(run.summary.seconds)}; "
    f"validation accuracy **{percent_estimate(score, 2)}**."
)

# %%
kept, images = run.summary.best_epoch, len(run.validation)
show(
    plots.training_curve("accuracy", run.history, kept, ORANGE, images=images),
    "Training and validation accuracy by epoch, with the interval of validation accuracy",
)

# %%
show(
    plots.training_curve("loss", run.history, kept, ORANGE),
    "Training and validation loss by epoch",
)

# %% [markdown]
# Why is it so much quicker? Count the work. Its first two convolutions move by two pixels at a
# time (`stride`), so that most of the network works on 7 × 7 places instead of 28 × 28; and its
# learning rate falls to zero towards the end, so that a few epochs are enough to settle.

# %%
from fittingroom.networks import operation_count, parameter_count

recipes = {"the notebook project's": fittingroom.RECIPES["keras-cnn"], "this project's": run.recipe}
pd.DataFrame(
    {
        name: {
            "weights": f"{parameter_count(each.layers):,}",
            "multiply-adds for an image": f"{operation_count(each.layers):,}",
            "epochs at most": each.epochs,
            "images a step": each.batch_size,
            "optimizer": each.optimizer,
            "learning rate": f"{each.learning_rate:g}, {each.schedule}",
            "rotation": f"up to {360 * each.augmentation.rotation:.0f}°",
            "shift": f"up to {each.augmentation.shift} px",
            "validation": f"{each.split.kind}, {each.split.validation}",
        }
        for name, each in recipes.items()
    }
)

# %% [markdown]
# As in notebook 2, do not compare accuracies on different validation images, and remember that the
# accuracy of the best epoch is a little too high. The verdict comes in notebook 4.
#
# ## Questions to try
#
# 1. Shuffle the pixels of all images by one fixed rule, as in notebook 1, and train again. What
#    does the CNN lose that the dense network did not?
# 2. Leave out `RandomRotation`. Does validation accuracy rise or fall after a few epochs, and what
#    would you expect after thirty?
# 3. Look at the garment from inside after the third convolution (`convolutions[2]`). Can you still
#    tell that it is a boot?
#
# **Next:** notebook 4 opens the test set, once, and compares.
