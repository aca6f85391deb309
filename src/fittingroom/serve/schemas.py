"""What the service's own routes answer, as OpenAPI describes it: names that are a contract."""

from typing import Literal

from pydantic import BaseModel, Field


class Refused(BaseModel):
    """Why a request was not answered."""

    error: str


class Likely(BaseModel):
    """A class and how likely it is."""

    class_: str = Field(alias="class")
    probability: float


class Stage(BaseModel):
    """A step of the conversion: its name, what happened in it, and the picture after it."""

    name: str
    sentence: str
    picture: str = Field(description="PNG, base64")


class Garment(BaseModel):
    """A picture of the data set with its class."""

    class_: str = Field(alias="class")
    label: int
    image: str = Field(description="PNG of 28 × 28 pixels, base64")


class ClassifiedPicture(BaseModel):
    """What one model says of one picture."""

    file: str | None = Field(description="as the request calls it")
    class_: str = Field(alias="class")
    label: int
    probability: float
    abstain: Literal["unsure", "unknown"] | None
    sentence: str
    top: list[Likely]
    probabilities: list[float] = Field(description="of all classes, in the order of the labels")
    model: str
    image: str | None = Field(None, description="PNG of 28 × 28 pixels, base64; with details")
    stages: list[Stage] | None = Field(None, description="of the conversion; with details")
    warnings: list[str] | None = Field(None, description="about the photo; with details")
    explanation: list[list[float]] | None = Field(
        None, description="28 × 28, how much each region mattered; with details"
    )
    nearest: list[Garment] | None = Field(None, description="sample garments; with details")


class Classified(BaseModel):
    """What each model says of each picture: picture by picture, in the order of ``models``."""

    models: list[str]
    answers: list[ClassifiedPicture]


class ModelDescription(BaseModel):
    """A model that answers here."""

    name: str
    classes: list[str]
    accuracy: float | None = Field(description="on the test half, a fraction; null: not known")
    parameters: int | None = Field(description="how many numbers were trained; null: not known")


class Models(BaseModel):
    """All models that answer here, in their order."""

    models: list[ModelDescription]


class Samples(BaseModel):
    """Some garments of the embedded sample."""

    samples: list[Garment]
