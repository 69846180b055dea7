"""Loading a base model as its study says: from the hub, its cache or a folder, whole or quantised."""

from __future__ import annotations

import importlib.util
import os
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import torch
from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForImageTextToText, AutoProcessor, AutoTokenizer
from transformers.models.auto.modeling_auto import MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES

from skazka_text.problems import Refusal
from studies.study import BaseModelSpec
from trainables.adapted import unquantised
from trainables.memory import is_out_of_memory, memory_of
from trainables.text_layers import LayersUnknown

# In the names of parts that look at pictures, whatever the family.
PICTURES = re.compile(r"vision|visual|image|img")
# What transformers says, in no type of its own, of a processor whose library is not installed.
LACKING = "Missing optional dependencies"
# And of a quantised model for which the GPUs do not suffice.
OFFLOADED = "dispatched on the CPU or the disk"
# What it says of a folder or a repository that has only other files.
NO_WEIGHTS = re.compile(r"no file named [\w.]*\.safetensors|does not appear to have a file named [\w.]*\.safetensors")
# Characters of a message that are told.
MAX_SAID = 300
AGAIN = "download it once more, or choose another version of it"
ANOTHER = "choose another base model: docs/models.md names those that were tried"


class ModelRefused(Refusal, ValueError):
    """A base model that cannot be loaded as asked."""


def load_model(
    name: str, spec: BaseModelSpec, *, whole: Sequence[str] | None = None, trust_remote_code: bool = False
) -> tuple[Any, Any]:
    """(model, processor) of a hub id or a local folder, on CUDA where there is one; of a text model its tokenizer.

    whole: the modules that quantisation leaves alone; None is all but the layers of the text model.
    trust_remote_code: run the Python code that comes with the model. Only safetensors are read.
    Raises ModelRefused.
    """
    refuse_unfit(spec)
    options: dict[str, Any] = {"revision": spec.revision, "trust_remote_code": trust_remote_code}
    try:
        config = AutoConfig.from_pretrained(name, **options)
        _refuse_kind(name, config, spec)
        sees = _sees(config)
        if not sees and (part := _part_that_sees(config.to_dict())):
            raise _without_class(name, f"{part} of its configuration")
        processor = (AutoProcessor if sees else AutoTokenizer).from_pretrained(name, **options)
        if sees and not hasattr(processor, "tokenizer"):
            raise ModelRefused(f"{name!r} reads pictures, but comes without a processor of them", ANOTHER)
        model_class = AutoModelForImageTextToText if sees else AutoModelForCausalLM
        if whole is None and spec.quantization != "none":
            with torch.device("meta"):
                whole = unquantised(model_class.from_config(config, trust_remote_code=trust_remote_code))
        options |= {"use_safetensors": True, "output_loading_info": True}
        held = {**model_options(spec, whole or ()), **_dequantised(config)}
        model, loaded = model_class.from_pretrained(name, **options, **held)
    except (ModelRefused, MemoryError):
        raise
    except LayersUnknown as error:
        raise ModelRefused(f"{name!r} cannot be trained here: {error}", ANOTHER) from error
    # A model's own Python code raises whatever it likes.
    except Exception as error:
        raise explain(name, error) from error
    if not sees and (part := next((part for part, _ in model.named_modules() if PICTURES.search(part)), None)):
        raise _without_class(name, f"its module {part}")
    _refuse_weights(name, model, loaded["missing_keys"])
    if spec.gradient_checkpointing:
        if not model.supports_gradient_checkpointing:
            raise ModelRefused(f"{name!r} cannot compute its layers again", "use gradient_checkpointing: false")
        model.activation_checkpointing_enable({"use_reentrant": False})
    return model, processor


def _refuse_kind(name: str, config: Any, spec: BaseModelSpec) -> None:
    """Raise ModelRefused for a configuration of which no weights need to be read."""
    # In code of a model's own the part for text may be a dictionary.
    if any(getattr(one, "is_encoder_decoder", False) for one in (config, config.get_text_config())):
        why = "has an encoder for the question and a decoder for the answer, which here are one text"
        raise ModelRefused(f"{name!r} ({config.model_type}) {why}", ANOTHER)
    if spec.quantization != "none" and (method := _quantised_by(config)) is not None:
        remedy = "use quantization: none, or choose the version that is not"
        raise ModelRefused(f"{name!r} is quantised already ({method})", remedy)


def _quantised_by(config: Any) -> str | None:
    """The method by which a checkpoint was quantised."""
    settings = getattr(config, "quantization_config", None)
    if settings is None:
        return None
    settings = settings if isinstance(settings, dict) else settings.to_dict()
    return str(getattr(settings.get("quant_method"), "value", settings.get("quant_method")))


def _dequantised(config: Any) -> dict[str, Any]:
    """Arguments that load a checkpoint as full weights, where its kernels give no gradients: as gpt-oss is released."""
    if _quantised_by(config) != "mxfp4":
        return {}
    from transformers import Mxfp4Config

    return {"quantization_config": Mxfp4Config(dequantize=True)}


def _refuse_weights(name: str, model: Any, missing: Collection[str]) -> None:
    """Raise ModelRefused for weights that cannot be trained through, or of which some would be random."""
    quantizer = getattr(model, "hf_quantizer", None)
    dequantised = getattr(getattr(quantizer, "quantization_config", None), "dequantize", False)
    if quantizer is not None and not dequantised and not quantizer.is_trainable:
        method = _quantised_by(model.config)
        raise ModelRefused(
            f"{name!r} is quantised ({method}) in a way that gives no gradients", "choose the version that is not"
        )
    if missing:
        among = f"{min(missing)} and {len(missing) - 1} more" if len(missing) > 1 else min(missing)
        raise ModelRefused(f"{name!r} comes without some of its weights ({among})", AGAIN)


def _sees(config: Any) -> bool:
    """Whether a model of this configuration is a vision-language model."""
    own_code = getattr(config, "auto_map", None) or {}
    return config.model_type in MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES or "AutoModelForImageTextToText" in own_code


def _part_that_sees(config: Mapping[str, Any]) -> str | None:
    """The section of a configuration, at any depth, that is for pictures."""
    for name, section in config.items():
        if isinstance(section, dict) and section:
            if PICTURES.search(name):
                return name
            if (inner := _part_that_sees(section)) is not None:
                return f"{name}.{inner}"
    return None


def _without_class(name: str, seen_by: str) -> ModelRefused:
    return ModelRefused(
        f"{name!r} reads pictures ({seen_by}), but neither transformers nor its own code has a class"
        " AutoModelForImageTextToText for it",
        ANOTHER,
    )


def device() -> str:
    """CUDA where there is one, else the CPU."""
    return "cuda" if torch.cuda.is_available() else "cpu"


def refuse_unfit(spec: BaseModelSpec) -> None:
    """Raise ModelRefused for options that this machine cannot carry out."""
    gpu = torch.cuda.is_available()
    if spec.quantization != "none" and not gpu:
        raise ModelRefused(
            f"quantization {spec.quantization} needs a GPU, and none is seen here",
            "use quantization: none, or run trials where there is one",
        )
    if spec.quantization != "none" and importlib.util.find_spec("bitsandbytes") is None:
        raise ModelRefused(
            f"quantization {spec.quantization} needs bitsandbytes", "install it: pip install 'skazka-tune[qlora]'"
        )
    if spec.attention == "flash_attention_2" and not (gpu and importlib.util.find_spec("flash_attn")):
        lacking = "the package flash-attn" if gpu else "a GPU, and none is seen here"
        raise ModelRefused(f"attention flash_attention_2 needs {lacking}", "use attention: sdpa")


def model_options(spec: BaseModelSpec, whole: Sequence[str]) -> dict[str, Any]:
    """Keyword arguments of `from_pretrained`; whole: the modules that quantisation leaves alone."""
    options: dict[str, Any] = {"dtype": getattr(torch, spec.dtype)}
    if spec.attention is not None:
        options["attn_implementation"] = spec.attention
    # Straight to where it computes: by way of the CPU a machine would need the model's memory twice, and the time.
    if device() != "cpu":
        options["device_map"] = {"": device()}
    if spec.device_map is not None:
        options["device_map"] = spec.device_map
    if (quantised := spec.quantised_as(whole)) is not None:
        from transformers import BitsAndBytesConfig

        options["quantization_config"] = BitsAndBytesConfig(**quantised)
    return options


def explain(name: str, error: BaseException) -> ModelRefused:
    """Why a model could not be loaded, and what to do."""
    for cause in causes(error):
        kind = type(cause).__name__
        if kind == "GatedRepoError":
            return ModelRefused(f"{name!r} is gated", "accept its licence on its page on the hub, then set HF_TOKEN")
        if kind == "RevisionNotFoundError":
            return ModelRefused(f"{name!r} has no such revision", "check base_model.revision")
        if kind == "RepositoryNotFoundError":
            return ModelRefused(
                f"{name!r} is not on the hub, or private", "check the id, and HF_TOKEN for a private model"
            )
        if kind in ("LocalEntryNotFoundError", "OfflineModeIsEnabled"):
            return _not_cached(name)
        if kind == "HfHubHTTPError":
            status = getattr(getattr(cause, "response", None), "status_code", "an error")
            return ModelRefused(f"the hub answered {status} for {name!r}", "renew HF_TOKEN, or try again later")
        if is_out_of_memory(cause) or OFFLOADED in str(cause):
            remedy = "use quantization: 4bit, or a smaller model" if device() == "cuda" else "choose a smaller model"
            return ModelRefused(f"{name!r} does not fit {memory_of(device())}", remedy)
        if isinstance(cause, ImportError) or LACKING in str(cause):
            remedy = "install what it names; for most models: pip install 'skazka-tune[vision]'"
            return ModelRefused(f"{name!r} needs a library that is not there ({_last(cause)})", remedy)
        if (said := _of_itself(name, cause)) is not None:
            return said
    remedy = AGAIN if os.path.isdir(name) else "check the id, the network and HF_TOKEN"
    return ModelRefused(f"{name!r} cannot be loaded ({_last(error)})", remedy)


def _of_itself(name: str, cause: BaseException) -> ModelRefused | None:
    """What is wrong with the model itself; None for another reason. transformers has no type of its own for these."""
    if "trust_remote_code" in str(cause):
        return ModelRefused(f"{name!r} comes with Python code of its own", "read it, then give --trust-remote-code")
    if "does not recognize this architecture" in str(cause):
        return ModelRefused(f"{name!r} is of a type that transformers does not know", ANOTHER)
    if "Unrecognized configuration class" in str(cause):
        return ModelRefused(
            f"{name!r} is no model that answers in text: transformers has no such class for its type", ANOTHER
        )
    if NO_WEIGHTS.search(str(cause)):
        remedy = "choose the version with safetensors; pickled and GGUF files are not read"
        return ModelRefused(f"{name!r} has no weights in safetensors", remedy)
    if "ignore_mismatched_sizes" in str(cause):
        return ModelRefused(f"{name!r} has weights of other shapes than its configuration says", AGAIN)
    return None


def _not_cached(name: str) -> ModelRefused:
    if os.environ.get("HF_HUB_OFFLINE", "").upper() in ("1", "ON", "YES", "TRUE"):
        return ModelRefused(
            f"{name!r} is not in the cache, and HF_HUB_OFFLINE is set", f"run `hf download {name}` first, or unset it"
        )
    return ModelRefused(
        f"{name!r} is not in the cache, and the hub cannot be reached", f"check the network, or `hf download {name}`"
    )


def causes(error: BaseException) -> Iterator[BaseException]:
    """An exception and those that it came from."""
    seen: BaseException | None = error
    while seen is not None:
        yield seen
        seen = seen.__cause__ or seen.__context__


def _last(error: BaseException) -> str:
    """The first line of a message: transformers explains at length after it."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:MAX_SAID]
