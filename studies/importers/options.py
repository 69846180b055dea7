"""What a user may say of an import: `data:` in study.yaml, or the options of `skazka init`."""

from __future__ import annotations

import unicodedata
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, field_validator

from skazka_text.problems import ValueRefused
from spaces.trial_config import no_switch
from studies.importers.columns import KNOWN

Word = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=4096)]
# Composed, as most keyboards give them: macOS decomposes the names of files.
Called = Annotated[Word, AfterValidator(lambda text: unicodedata.normalize("NFC", text))]
Format = Literal["team", "folders", "imagefolder", "table"]


class ImportOptions(BaseModel):
    """Where data lies and how it is to be read.

    source: a folder, a file, or the id of a dataset on the hub. pictures: the folder that holds the pictures of rows,
    where it is not the source's own. names: a folder or label of the source -> the
    character's name. columns: our name of a column (one of columns.KNOWN) -> the source's.
    questions: a JSON Lines file of `templates.Question`. encoding: of files of text, None to find out.
    probe_share: share of a target's images for each of the splits search and test, where the source has no splits.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    source: Word = Field(alias="from")
    format: Format | None = None
    targets: tuple[Called, ...] = ()
    controls: tuple[Called, ...] = ()
    negatives: tuple[Called, ...] = ()
    names: dict[Called, Called] = {}
    columns: dict[Word, Word] = {}
    questions: Word | None = None
    pictures: Word | None = None
    encoding: Word | None = None
    revision: Word | None = None
    probe_share: float = Field(0.2, gt=0, le=0.45)
    allow_missing: bool = False

    @field_validator("columns")
    @classmethod
    def _known(cls, columns: dict[str, str]) -> dict[str, str]:
        for name in columns:
            if name not in KNOWN:
                raise ValueRefused(f"has no {name!r}", f"use {', '.join(KNOWN)}")
        return columns

    @field_validator("encoding")
    @classmethod
    def _of_text(cls, encoding: str | None) -> str | None:
        try:
            if encoding is not None:
                "".encode(encoding)
        except (LookupError, ValueError) as error:
            raise ValueRefused("no encoding of text", "use utf-8, utf-16, cp1251, koi8-r, …") from error
        return encoding

    _no_switch = field_validator("probe_share", mode="before")(no_switch)
