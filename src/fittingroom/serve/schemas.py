"""What the routes answer. The names are a contract, described in docs/how-to/scripts.md."""

from typing import Literal

from pydantic import BaseModel, Field

PNG = "PNG of 28 × 28 pixels, base64"


class ServiceRefusal(BaseModel):
    """Why a request was not answered."""

    detail: str


class ClassProbability(BaseModel):
    """A class and its probability."""

    class_: str = Field(alias="class")
    probability: float


class ConversionStage(BaseModel):
    """A step of the conversion: its name, what happened, and the image after it."""

    name: str
    sentence: str
    image: str = Field(description="PNG, base64")


class Garment(BaseModel):
    """An image of the data set with its class."""

    class_: str = Field(alias="class")
    label: int
    image: str = Field(description=PNG)


class ClassifiedImage(BaseModel):
    """The answer of one model for one image."""

    file: str | None = Field(description="the file's name in the form")
    class_: str = Field(alias="class")
    label: int
    probability: float
    abstain: Literal["unsure", "unknown"] | None
    sentence: str
    top: list[ClassProbability]
    probabilities: list[float] = Field(description="of all classes, in the order of the labels")
    model: str = Field(description="the name of the model that answered")
    image: str | None = Field(None, description="PNG, base64: what it saw; with details")
    stages: list[ConversionStage] | None = Field(
        None, description="how the photo becomes 28 × 28; with details"
    )
    warnings: list[str] | None = Field(None, description="about the photo; with details")
    explanation: list[list[float]] | None = Field(
        None, description="rows × columns, how much each region mattered; with details"
    )
    small: "ClassifiedImage | None" = Field(
        None,
        description="of a photo: what a model of 28 × 28 images sees and answers; with details",
    )
    nearest: list[Garment] | None = Field(
        None, description="similar garments; with details, if the model knows garments"
    )


class ServiceAnswer(BaseModel):
    """The answers of all models for all images: image by image, in the order of ``models``."""

    models: list[str]
    answers: list[ClassifiedImage]


class ModelDescription(BaseModel):
    """A model of this service."""

    name: str
    classes: list[str]
    accuracy: float | None = Field(description="a fraction; null: not known")
    measured_on: str | None = Field(description="the images that the accuracy was measured on")
    parameters: int | None = Field(description="number of trained parameters; null: not known")
    learning: str | None = Field(description="where this service tells how it learned, if it does")


class Models(BaseModel):
    """All models of this service, in their order."""

    models: list[ModelDescription]


class Samples(BaseModel):
    """Some garments of the embedded sample; none if no model knows garments."""

    samples: list[Garment]
