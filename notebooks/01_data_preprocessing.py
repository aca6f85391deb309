# %% [markdown]
# # 1. The data, and how it is prepared
#
# Fashion-MNIST is 70,000 small grey images of ten kinds of garment, from a shop's catalogue. A
# classifier looks at one and names its kind. Four notebooks train two such classifiers and find
# out which is better:
#
# 1. **The data, and how it is prepared**: this one
# 2. A dense network (ANN)
# 3. A convolutional network (CNN)
# 4. Evaluation: which is better, and where
#
# This one trains nothing. You will look at the images, put some of them aside, and see what is
# done to the rest before a network gets them: scaling, reshaping, augmentation.
#
# For a quick look, set `DATA = "sample"`: 2,500 of the images, which come with the package.

# %% tags=["parameters"]
DATA = None  # the real data

# %% [markdown]
# ## The images
#
# The data is four files: images and labels for training, images and labels for the test.
# `find_dataset` looks for them where Keras, torchvision and Debian keep them, downloads them
# otherwise, and checks each against its published hash. `training()` opens the two for training.
# **The test files stay closed until notebook 4.** Why that matters comes at the end.

# %%
import fittingroom

dataset = fittingroom.find_dataset(DATA)
everything = dataset.training()
images, labels = everything.images, everything.labels

print(f"{dataset.name}: {len(images):,} training images")
print(f"images  {images.dtype} {images.shape}, values {images.min()} to {images.max()}")
print(f"labels  {labels.dtype} {labels.shape}, values {labels.min()} to {labels.max()}")

# %% [markdown]
# A label is a number from 0 to 9, one for each kind of garment. Here are the first nine images of
# each kind. Look for the rows that you would mix up yourself. The networks will mix up the same
# ones.

# %%
from fittingroom import plots
from fittingroom.lessons import show

rows = [
    plots.SampleRow(f"{label}  {name}", images[labels == label][:9])
    for label, name in enumerate(dataset.classes)
]
show(plots.sample_sheet(rows), "Nine garments of each of the ten kinds")

# %% [markdown]
# ## The classes
#
# How many images does each class have? This decides what an accuracy means. If 90% of all
# images were bags, a program that always answers "bag" would be 90% accurate and know nothing.

# %%
import numpy as np
import pandas as pd

counts = np.bincount(labels, minlength=len(dataset.classes))
pd.DataFrame(
    {
        "class": dataset.classes,
        "images": counts,
        "share": [f"{part:.1%}" for part in counts / len(labels)],
    }
)

# %%
from IPython.display import Markdown

always = counts.max() / len(labels)
Markdown(
    f"The smallest class has {counts.min():,} images, the largest {counts.max():,}. A program "
    f"that always gives the same answer is right on {always:.1%} of the images at most. "
    "That is the floor."
)

# %% [markdown]
# The mean of all images of a class shows what its members share. Where the mean is sharp, as
# that of Trouser, the members have one outline. Where it is a blur, as that of Sandal, they
# differ. Where two means look alike, as those of Pullover and Coat, the outline alone does not
# tell the two classes apart.

# %%
means = [
    plots.Tile(images[labels == label].mean(axis=0).astype(np.uint8), name)
    for label, name in enumerate(dataset.classes)
]
show(
    plots.tile_sheet({"The mean image of each class": means}, columns=5),
    "The mean image of each class",
)

# %% [markdown]
# ## What an image is to a computer
#
# 28 rows of 28 numbers. 0 is the background, 255 the brightest spot. The images in these
# notebooks are drawn the other way round, dark on light, as the shop photographed them.

# %%
from fittingroom.lessons import as_numbers

boot = int(np.flatnonzero(labels == dataset.classes.index("Ankle boot"))[0])
show(as_numbers(images[boot]), "An ankle boot as 28 rows of 28 numbers")

# %% [markdown]
# ## The split: training and validation
#
# A network that is asked about the images it was trained on may just remember them. So some
# images are put aside *before anything else is measured*:
#
# - **training** images: the weights are fitted on them;
# - **validation** images: every choice is made on them, such as when to stop or which network to
#   keep;
# - **test** images: opened once, at the end, to say how good the result is.
#
# Two rules are used in these notebooks. The recipes of this project take one image in twelve for
# validation, with the same share of each class (*stratified*). The notebook project that this one
# grew from took the last 20% of the file.

# %%
from fittingroom.data import SplitRule

split = dataset.split(SplitRule("stratified", "1/12"))
last = dataset.split(SplitRule("last", "1/5"))

table = []
for name, each in (("stratified, 1/12", split), ("last 20%", last)):
    per_class = np.bincount(each.validation.labels, minlength=len(dataset.classes))
    table.append(
        {
            "rule": name,
            "training": len(each.training),
            "validation": len(each.validation),
            "smallest class in validation": per_class.min(),
            "largest class": per_class.max(),
        }
    )
pd.DataFrame(table)

# %% [markdown]
# The stratified rule gives each class its share. In the last 20%, some classes have more images
# than others. Neither is wrong, but accuracies measured on two different sets of images must not
# be compared as if they were measured on one.
#
# A split is worth a check. Every training image is on exactly one side. The test images are in
# other files, as the hashes show.

# %%
for each in (split, last):
    places = np.concatenate([each.training.indices, each.validation.indices])
    assert len(places) == len(set(places)) == len(everything)  # each one once
    assert np.array_equal(images[each.validation.indices], each.validation.images)  # from this file
assert not set(dataset.training_hashes.values()) & set(dataset.test_hashes.values())
print("Both splits hold each training image once, and nothing of the test files.")

# %% [markdown]
# ## Normalisation
#
# The values go from 0 to 255, and many of them are 0. Everything from here on is measured on the
# training side of the split alone.

# %%
from fittingroom.lessons import pixel_histogram

training = split.training.images
show(pixel_histogram(training), "Histogram of the pixel values other than 0")

# %% [markdown]
# Two ways to bring them to a small range are common:
#
# - **scaling**: divide by 255, so that values lie between 0 and 1 (notebooks 2 and 3 do this in
#   Keras);
# - **standardising**: subtract the mean and divide by the standard deviation, so that the mean is
#   0 and the spread is 1 (this project's recipes do this, inside the model).

# %%
mean, deviation = training.mean(), training.std()
first = training[:1000].reshape(1000, -1).astype(np.float32)
versions = {
    "as stored": first,
    "scaled": first / 255,
    "standardised": (first - mean) / deviation,
}
# A layer of 256 neurons with random weights, as training begins.
weights = np.random.default_rng(0).normal(0, 784**-0.5, (784, 256))
pd.DataFrame(
    {
        "mean": {name: values.mean() for name, values in versions.items()},
        "spread": {name: values.std() for name, values in versions.items()},
        "spread after a first layer": {
            name: (values @ weights).std() for name, values in versions.items()
        },
    }
).round(2)

# %% [markdown]
# Why bother? Look at the last column: what comes out of a first layer with random weights. A
# network's last layer turns such numbers into probabilities by `exp(x)`. Numbers around 1 give
# probabilities that are undecided, which is right for a network that knows nothing yet. Numbers
# around 100 give a probability of 1 to some class by chance: the first errors are enormous, and so
# are the first steps of training.
#
# The mean and the deviation are computed **from training images only**, and the same two numbers
# are then used for validation and test images. If you compute them from all images, you have
# looked at the test. In this project they become part of the trained model, so nobody can forget
# or change them.

# %% [markdown]
# ## Shapes
#
# Each kind of network wants the same numbers in another arrangement. `N` is the number of
# images.

# %%
flat = training.reshape(len(training), 784)  # (N, 784): a dense network sees one long row
channels_last = training[..., np.newaxis]  # (N, 28, 28, 1): a convolutional network in Keras
channels_first = training[:, np.newaxis]  # (N, 1, 28, 28): the same in PyTorch
for arranged in (training, flat, channels_last, channels_first):
    print(arranged.shape)

# %% [markdown]
# The 1 is the number of colours: grey has one, a colour photograph three.
#
# Flattening looks harmless, since no number is lost. But a dense layer gives every pixel a weight
# of its own and does not know which pixels are neighbours. Shuffle the pixels of all images by
# one fixed rule, and it learns just as well. You would not, and a CNN would not either.

# %%
rule = np.random.default_rng(0).permutation(784)
kinds = [dataset.classes.index(name) for name in ("Ankle boot", "Trouser", "Bag", "Dress", "Coat")]
examples = np.stack([images[labels == kind][0] for kind in kinds])
shuffled = examples.reshape(-1, 784)[:, rule].reshape(-1, 28, 28)
show(
    plots.sample_sheet(
        [plots.SampleRow("as stored", examples), plots.SampleRow("shuffled", shuffled)]
    ),
    "Five garments, and the same with their pixels shuffled: equally easy for a dense network",
)

# %% [markdown]
# ## Augmentation
#
# A boot that points to the left is a boot. A network does not know that unless it has seen both.
# So training shows it each image a little changed in every epoch (one pass over all training
# images): mirrored, moved, turned. The label stays. It costs nothing, and the network cannot
# learn single images by heart so easily.
#
# Below is **one** garment as a network sees it in eight epochs: with each change alone (the shift
# is by four pixels, so that you see it), and then with the changes of three of this project's
# recipes.

# %%
from fittingroom.lessons import epochs_of
from fittingroom.recipes import Augmentation

changes = {
    "as stored": Augmentation(),
    "flip": Augmentation(flip=True),
    "shift": Augmentation(shift=4),
    "rotation": Augmentation(rotation=0.1),
    **{name: fittingroom.RECIPES[name].augmentation for name in ("ann", "cnn", "keras-cnn")},
}
show(
    plots.sample_sheet(
        [plots.SampleRow(name, epochs_of(images[boot], how)) for name, how in changes.items()]
    ),
    "One ankle boot in eight epochs: as stored, mirrored, moved, turned, and as recipes do it",
)

# %%
for name in ("ann", "cnn", "keras-cnn"):
    how = fittingroom.RECIPES[name].augmentation
    print(
        f"{name:10} flip: {'yes' if how.flip else 'no'}   "
        f"shift: {how.shift} px in {how.shift_probability if how.shift else 0:.0%} of images   "
        f"rotation: up to {360 * how.rotation:.0f}°"
    )

# %% [markdown]
# `ann` and `cnn` mirror an image in every second epoch, so that two epochs show both sides.
# `keras-cnn` is the CNN of the notebook project: it turns images far, though the shop laid its
# garments straight. Validation and test images are never changed: they show how good the network
# is.
#
# ## What the test set is for
#
# Every choice that you make on a set of images fits your result to them a little: the best of
# twenty networks is also the luckiest of twenty. That is why choices are made on validation
# images, and why the final number comes from images that took part in no choice. Once you go
# back and change something because of the test accuracy, it is a validation accuracy.
#
# So training never sees the test set. Each opening adds a line to a log, and the report counts the
# lines.
#
# ## Questions to try
#
# 1. Which pixel says most about the class? Compute for each pixel how much its mean differs
#    between the ten classes (`np.var` of the ten mean images), and draw that as an image.
#
#    <details><summary>Answer</summary>The one in row 1, column 12 (counted from 0): there shoes
#    and bags are black, and the others have a collar, a strap or a waistband.</details>
# 2. Is mirroring always harmless? Name a data set where it would change the label. What about the
#    ten digits?
#
#    <details><summary>Answer</summary>It is not. A mirrored <i>b</i> is a <i>d</i>, and a left hand
#    becomes a right one. Of the digits, 0, 1 and 8 stay what they are; the others become signs that
#    nobody writes, from which a network learns nothing useful.</details>
# 3. Repeat `split` with `SplitRule("stratified", "1/12", seed=1)`. How many validation images do
#    the two splits share, and how many would you expect?
#
#    <details><summary>Answer</summary>396. Each of the 5,000 has one chance in twelve to be drawn
#    again, so about 417 are expected; 396 is well within what chance gives.</details>
#
# **Next:** notebook 2 trains a dense network on these images.
