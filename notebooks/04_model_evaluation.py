# %% [markdown]
# # 4. Evaluation: which is better, and where
#
# Two networks are trained: a dense one (`ann`) and a convolutional one (`cnn`). Now the test set
# is opened, once, and both predict the same images. You will see
#
# - how accurate they are, and how sure one can be of that;
# - how their training went, which classes they confuse, and where they are sure and wrong;
# - whether one is better, by a statistical test for this question;
# - where the CNN wins, and which garments only one of the two gets right;
# - how both stand beside the notebook project that this one grew from.
#
# For a quick look, set `DATA = "sample"`: that takes a minute.

# %% tags=["parameters"]
DATA = None  # the real data
RECIPES = ["ann", "cnn"]  # what is compared: names in fittingroom.RECIPES, or recipes of your own
RUNS = "runs"  # the folder with what notebooks 2 and 3 trained, relative to the working folder
OUT = "report"  # where the comparison leaves its report, likewise

# %% [markdown]
# ## The comparison
#
# One call does it all. It uses the finished runs of notebooks 2 and 3, trains what is missing,
# scores each run on the test set, and writes a report. A run is scored once: its predictions are
# kept in its folder, and read from there the next time.

# %%
import fittingroom
from fittingroom.runs import read_openings

session = fittingroom.Session(data=DATA, runs=RUNS)
outcome = fittingroom.compare(RECIPES, seeds=1, session=session, out=OUT)
ann, cnn = (group[0] for group in outcome.evaluated)  # seed 0 of each
(pair,) = outcome.comparison.pairs
names = pair.a, pair.b
both = dict(zip(names, (ann.evaluation, cnn.evaluation), strict=True))

for opening in read_openings(session.folder):
    print(f"the test set was opened for {opening.run}, to {opening.purpose}")

# %% [markdown]
# That log only grows. If you score twenty networks and show the best one, you leave twenty lines in
# it.
#
# The test set is open now, so here is a check that was not possible before: is any test image
# also among the training images, pixel for pixel?

# %%
dataset = fittingroom.find_dataset(DATA)
test = dataset.open_test()
known = {image.tobytes() for image in dataset.training().images}
shared = sum(image.tobytes() in known for image in test.images)
print(f"{shared} of {len(test):,} test images are among the training images")

# %% [markdown]
# ## How accurate are they?
#
# Accuracy is the share of test images classified correctly. Other test images of the same kind
# would have given another number, so each has a 95% interval. The lower row is what matters: the
# *difference*, with its own interval.

# %%
from fittingroom.lessons import show
from fittingroom.reporting import model_figures, pair_figures, shared_figures

show(pair_figures.accuracies(outcome.comparison))

# %% [markdown]
# ## How training went
#
# Each curve ends at the last epoch; the dot marks the epoch whose weights were kept, chosen on
# validation images. The band is the interval of validation accuracy: rises and falls within it
# mean nothing.

# %%
show(shared_figures.learning_curves([ann, cnn]))

# %% [markdown]
# ## Which classes they confuse
#
# A row is a true class, a column what the network predicted. The diagonal holds the right answers.
# Elsewhere, the darker a cell, the more often that mistake is made. Find the block of T-shirt/top,
# Pullover, Coat and Shirt: these are the rows that looked alike in notebook 1.

# %%
for place, scored in enumerate((ann, cnn)):
    show(model_figures.confusion_matrix(scored, place))

# %% [markdown]
# ## The classification report
#
# - **Precision**: of the images predicted as a class, the share that are of it.
# - **Recall**: of the images of a class, the share predicted as it.
# - **F1**: the harmonic mean of the two, low as soon as one of them is.
# - **Support**: how many images truly are of the class.
#
# A network that predicts a shirt for everything has a recall of 100% for shirts, and a precision
# of 10%.

# %%
from IPython.display import Markdown, display

from fittingroom.reporting.tables import shown

for scored in (ann, cnn):
    display(
        Markdown(f"**{scored.name}**, macro F1 {shown(scored.evaluation, 'macro_f1')}"),
        Markdown(model_figures.per_class(scored).markdown()),
    )

# %%
show(shared_figures.recalls([ann, cnn]))

# %% [markdown]
# ## Sample predictions
#
# The same test images for both, drawn at random. Under each is its true class. If the network
# predicted another class, that class follows, with its probability.

# %%
import numpy as np

from fittingroom import plots
from fittingroom.reporting.panel import draw, tile

at_random = draw(np.arange(len(test)), 16)
show(
    plots.tile_sheet(
        {
            name: [tile(each.predictions, test.images, at) for at in at_random]
            for name, each in both.items()
        }
    ),
    "Sixteen test images with what each network predicts",
)

# %% [markdown]
# ## Sure, and wrong
#
# The mistakes that each network was surest of. Judge for yourself: is it the network that is
# wrong, or the label? Some labels of Fashion-MNIST are doubtful, so 100% is out of reach, and
# would not be trustworthy.

# %%
show(
    plots.tile_sheet(
        {
            name: [tile(each.predictions, test.images, int(at)) for at in each.worst_mistakes[:8]]
            for name, each in both.items()
        }
    ),
    "The eight mistakes that each network was surest of",
)

# %% [markdown]
# ## Is one better? The paired test
#
# Both networks predicted the same images, so only the images on which exactly one of them is right
# can tell them apart. If both were equally good, each of these images would be the toss of a coin.
# The p-value is the chance that fair tosses are at least as unequal as what we saw (McNemar's
# test).

# %%
import pandas as pd

right = {name: each.predictions.correct for name, each in both.items()}
a, b = right.values()
pd.DataFrame(
    [[(a & b).sum(), (a & ~b).sum()], [(~a & b).sum(), (~a & ~b).sum()]],
    index=[f"{pair.a} right", f"{pair.a} wrong"],
    columns=[f"{pair.b} right", f"{pair.b} wrong"],
)

# %%
from fittingroom.numbers import p_value

Markdown(
    f"Only {pair.a} is right on {pair.mcnemar.a_only:,} images, only {pair.b} on "
    f"{pair.mcnemar.b_only:,}. The p-value of the exact test is "
    f"{p_value(pair.mcnemar.p_exact)}.\n\n"
    f"**The verdict.** {outcome.comparison.sentence}"
)

# %% [markdown]
# Read the last sentence of the verdict twice. Each recipe was trained once here, so the test
# compares two *networks*. Another seed gives another network. To compare two *recipes*, train each
# with several seeds: `fittingroom.compare(["ann", "cnn"])`, which takes three.
#
# ## Where the CNN wins
#
# The same question class by class: how many more of its garments does the CNN find? A filled dot's
# interval excludes zero. With ten classes, remember that one interval in twenty misses the truth.

# %%
show(pair_figures.class_gains(pair, [ann, cnn]))

# %% [markdown]
# Which mistakes does the CNN avoid, and which does it add? Each cell is the count of the CNN minus
# the count of the ANN, in the colour of the network that it favours.

# %%
show(pair_figures.confusion_difference(pair, [ann, cnn]))

# %% [markdown]
# Some of the garments that only one of them gets right, each with the wrong name that the other
# gave it.

# %%
only = [
    (pair.b, ann.evaluation, draw(np.sort(pair.b_only), 16)),
    (pair.a, cnn.evaluation, draw(np.sort(pair.a_only), 8)),
]
show(
    plots.tile_sheet(
        {
            f"Only {winner} is right": [tile(other.predictions, test.images, at) for at in places]
            for winner, other, places in only
            if places
        }
    ),
    "Test images that only one of the two networks classifies correctly",
)

# %% [markdown]
# ## Compared with the notebook project
#
# The notebook project that this one grew from states 88.34% for its ANN and 90.63% for its CNN,
# without an interval. We trained its two networks again, as `keras-ann` and `keras-cnn`, and
# stored the results.

# %%
from fittingroom.lessons import full_run
from fittingroom.numbers import Estimate, percent, percent_estimate

rows = {}
for name, stated in (("keras-ann", 0.8834), ("keras-cnn", 0.9063)):
    if full := full_run(name):
        rows[name] = {
            "stated": percent(stated, 2),
            "measured": percent_estimate(Estimate(**full["accuracy"]), 2),
            "seeds": len(full["seeds"]),
            "test images of": full["data"],
            "claim": full["verdict"],
        }
for model in outcome.comparison.models:
    rows[model.name] = {
        "measured": percent_estimate(model.accuracy, 2),
        "seeds": len(model.seeds),
        "test images of": ann.data,
    }
pd.DataFrame(rows).T.fillna("–")

# %% [markdown]
# A single seed's interval covers the choice of test images only; that of several seeds covers the
# variation between seeds too. The claims are about the same test images, so the variation between
# seeds alone judges them. A claim is *reproduced* if the mean is shown to be within 0.5 points of
# it, and *not judged* with fewer than three seeds.
#
# ## How small a difference could one show?
#
# The smaller the difference, the more images it takes to tell it from chance. Suppose two networks
# that disagree as often as these two. How many test images would show a difference in four tries
# out of five?

# %%
from fittingroom.comparison import images_needed

share = (len(pair.a_only) + len(pair.b_only)) / len(test)  # on which only one of them is right
rows = {}
for gap in (0.02, 0.01, 0.005, 0.002, 0.001):
    needed = images_needed(max(share, gap), gap)
    rows[f"{100 * gap:.1f} points"] = f"{needed:,}"
pd.DataFrame({"images needed": rows})

# %% [markdown]
# Fashion-MNIST has 10,000 test images. Compare that with the differences that papers and blog
# posts are proud of. And this is for two fitted networks. If you compare recipes, the variation
# between seeds comes on top.
#
# ## Questions to try
#
# 1. Compare with three seeds: write `seeds=3` in the call of `fittingroom.compare` above.
#    Does the interval of the difference get wider or narrower? Why?
#
#    <details><summary>Answer</summary>It can do either. It now answers another question, about
#    recipes instead of two networks, and covers the variation between seeds too, which three seeds
#    tell little about. But a mean of three varies less than a single training.</details>
# 2. Put `"logreg"` in place of `"ann"`: a model without any hidden layer. How much of the CNN's
#    lead is due to convolutions, and how much to having hidden layers at all?
#
#    <details><summary>Answer</summary>Logistic regression reaches 84.5%, <code>ann</code> 91.0%,
#    <code>cnn</code> 93.1%. So hidden layers bring three quarters of the lead, convolutions the
#    last quarter.</details>
# 3. Look at the sure mistakes again, and count the labels that you would change. What would that
#    do to both accuracies, and to their difference?
#
#    <details><summary>Answer</summary>Both rise, and the difference hardly changes: of the hundred
#    surest mistakes of each network, 91 are mistakes of both. <code>fittingroom audit</code> looks
#    for doubtful labels in the whole data set.</details>
#
# The report that this comparison left is `index.html` in the folder `OUT`: the same figures and
# more, on one page.
