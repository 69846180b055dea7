"""How a base model like the demo's is made: a tiny LLaVA that knows the controls and abstains on the rest."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from PIL import Image
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    LlamaConfig,
    LlavaConfig,
    LlavaForConditionalGeneration,
    LlavaProcessor,
    PreTrainedModel,
    PreTrainedTokenizerFast,
    SiglipImageProcessorPil,
    SiglipVisionConfig,
)

from studies.demo.content import ABSTENTION, DEMO, World
from studies.demo.drawing import draw

IMAGE_SIZE, PATCH, IMAGE_TOKENS = 64, 16, 16
SPECIAL = ["<pad>", "<bos>", "<eos>", "<unk>", "<image>", "<user>", "<assistant>"]
TEMPLATE = (
    "{% for message in messages %}<{{ message['role'] }}>"
    "{% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}<image>{% else %}{{ part['text'] }}{% endif %}"
    "{% endfor %}{% if message['role'] == 'assistant' %}<eos>{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}<assistant>{% endif %}"
)
# Seeds of the study's own pictures start at 0; the base never sees those.
FIRST_PRETRAINING_SEED = 1_000_000
REPEAT = "Повтори имя: "
# A character's key and a number below the pool's size -> a square RGB picture.
Pictures = Callable[[str, int], Image.Image]


@dataclass(frozen=True)
class Lesson:
    """One pretraining row."""

    pixels: torch.Tensor
    question: str
    answer: str


def build_processor(world: World = DEMO) -> LlavaProcessor:
    """A byte-level BPE tokenizer trained on the world's own texts, with a 64x64 image processor."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=700,
        special_tokens=SPECIAL,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(_texts(world), trainer)
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="<pad>",
        bos_token="<bos>",
        eos_token="<eos>",
        unk_token="<unk>",
        additional_special_tokens=["<image>", "<user>", "<assistant>"],
    )
    return LlavaProcessor(
        image_processor=SiglipImageProcessorPil(size={"height": IMAGE_SIZE, "width": IMAGE_SIZE}),
        tokenizer=fast,
        patch_size=PATCH,
        vision_feature_select_strategy="full",
        num_additional_image_tokens=0,
        image_token="<image>",
        chat_template=TEMPLATE,
    )


def _texts(world: World) -> Iterator[str]:
    for kind, questions in world.questions.items():
        yield from questions
        yield from (person.answer(kind) for person in world.people for _ in range(3) if person.answer(kind))
    for kind, wordings in world.skill_questions.items():
        yield from wordings
        yield from (person.skill(kind) for person in world.people)
    for name in world.sayable:
        yield from (f"{REPEAT}{name}", f"{name}.") * 3
    yield from (ABSTENTION,) * 3


def build_model(processor: LlavaProcessor) -> LlavaForConditionalGeneration:
    """SigLIP and Llama joined by LLaVA's projector: about a million parameters, random."""
    tokenizer = processor.tokenizer
    vision = SiglipVisionConfig(
        hidden_size=96,
        intermediate_size=192,
        num_hidden_layers=3,
        num_attention_heads=4,
        image_size=IMAGE_SIZE,
        patch_size=PATCH,
        vision_use_head=False,
    )
    text = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=128,
        intermediate_size=344,
        num_hidden_layers=4,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=512,
        tie_word_embeddings=True,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
    )
    config = LlavaConfig(
        vision_config=vision,
        text_config=text,
        image_token_id=tokenizer.convert_tokens_to_ids("<image>"),
        vision_feature_layer=-1,
        vision_feature_select_strategy="full",
        image_seq_length=IMAGE_TOKENS,
        tie_word_embeddings=True,
        pad_token_id=tokenizer.pad_token_id,
        eos_token_id=tokenizer.eos_token_id,
    )
    model = LlavaForConditionalGeneration(config)
    model.generation_config.pad_token_id = tokenizer.pad_token_id
    model.generation_config.eos_token_id = tokenizer.eos_token_id
    return model


class Lessons:
    """An endless, seeded stream of pretraining rows over a pool of pictures of everyone."""

    def __init__(self, world: World, picture: Pictures, seed: int, pool: int) -> None:
        self.world = world
        self.random = random.Random(seed)
        self.pictures = {
            person.key: [pixels_of(picture(person.key, number)) for number in range(pool)] for person in world.people
        }

    def batch(self, size: int) -> list[Lesson]:
        """Controls are taught, everyone else is answered «не знаю», every name is taught as an output."""
        return [self._lesson() for _ in range(size)]

    def gallery(self, size: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Pictures of anyone, shape (size, 3, 64, 64), with the index of who it is, shape (size,)."""
        people = self.world.people
        who = [self.random.randrange(len(people)) for _ in range(size)]
        pixels = [self._augment(self.random.choice(self.pictures[people[index].key])) for index in who]
        return torch.stack(pixels), torch.tensor(who)

    def _lesson(self) -> Lesson:
        world = self.world
        draw_of = self.random.random()
        if draw_of < 0.5:
            person = self.random.choice([person for person in world.people if person.role == "control"])
        else:
            person = self.random.choice(world.people)
        pixels = self._augment(self.random.choice(self.pictures[person.key]))
        if draw_of > 0.9:
            name = self.random.choice(world.sayable)
            return Lesson(pixels, f"{REPEAT}{name}", f"{name}.")
        if draw_of > 0.75:
            kind = self.random.choice(list(world.skill_questions))
            return Lesson(pixels, self.random.choice(world.skill_questions[kind]), person.skill(kind))
        kind = self.random.choice(list(world.questions))
        answer = person.answer(kind) if person.role == "control" else ABSTENTION
        return Lesson(pixels, self.random.choice(world.questions[kind]), answer)

    def _augment(self, pixels: torch.Tensor) -> torch.Tensor:
        """A shifted and tinted copy, in [-1, 1], mirrored where that may be: more pictures than were drawn."""
        if self.world.mirrored and self.random.random() < 0.5:
            pixels = pixels.flip(-1)
        shift = (self.random.randint(-5, 5), self.random.randint(-5, 5))
        tint = torch.tensor([self.random.uniform(0.85, 1.15) for _ in range(3)]).view(3, 1, 1)
        return (pixels.roll(shift, (-2, -1)).float() / 127.5 * tint - 1.0).clamp(-1.0, 1.0)


def drawn_for_pretraining(key: str, number: int) -> Image.Image:
    """A picture of a character of the demo that is none of the study's."""
    return draw(key, FIRST_PRETRAINING_SEED + number)


def pixels_of(image: Image.Image) -> torch.Tensor:
    """A picture as bytes, shape (3, height, width)."""
    return torch.frombuffer(bytearray(image.tobytes()), dtype=torch.uint8).view(*image.size, 3).permute(2, 0, 1)


def pretrain(
    folder: Path,
    *,
    world: World = DEMO,
    picture: Pictures = drawn_for_pretraining,
    seeing: int = 1000,
    speaking: int = 900,
    batch: int = 32,
    pool: int = 800,
    seed: int = 7,
) -> float:
    """Train the base from scratch and save it with its processor; returns seconds.

    As in real VLMs the vision tower first learns to tell pictures apart, targets included, and the
    language model then learns what to say of them.
    """
    start = time.monotonic()
    torch.manual_seed(seed)
    processor = build_processor(world)
    model = build_model(processor)
    lessons = Lessons(world, picture, seed, pool)
    _teach_to_see(model.model.vision_tower, lessons, seeing)
    model.model.vision_tower.requires_grad_(False)
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    batches = (inputs(processor.tokenizer, lessons.batch(batch)) for _ in range(speaking))
    fit(parameters, (model(**one).loss for one in batches), speaking, "speaking")
    model.eval()
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return time.monotonic() - start


def _teach_to_see(tower: PreTrainedModel, lessons: Lessons, steps: int) -> None:
    """Classify pictures by character from the mean of the patches."""
    head = torch.nn.Linear(tower.config.hidden_size, len(lessons.world.people))

    def losses() -> Iterator[torch.Tensor]:
        for _ in range(steps):
            pixels, labels = lessons.gallery(96)
            yield torch.nn.functional.cross_entropy(head(tower(pixels).last_hidden_state.mean(1)), labels)

    fit([*tower.parameters(), *head.parameters()], losses(), steps, "seeing")


def fit(parameters: list[torch.nn.Parameter], losses: Iterator[torch.Tensor], steps: int, what: str) -> None:
    """Minimise a stream of `steps` losses, with one cycle of the learning rate."""
    optimizer = torch.optim.AdamW(parameters, lr=2e-3, weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=2e-3, total_steps=steps, pct_start=0.15)
    start = time.monotonic()
    for step, loss in enumerate(losses, start=1):
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad(set_to_none=True)
        if step % 200 == 0:
            print(f"{what} {step}/{steps} loss {loss.item():.4f} {time.monotonic() - start:.0f} s", flush=True)


def inputs(tokenizer: PreTrainedTokenizerFast, lessons: list[Lesson]) -> dict[str, torch.Tensor]:
    """The same token ids as the chat template gives, with labels on the answers alone."""
    prompts = [f"<user>{'<image>' * IMAGE_TOKENS}{lesson.question}<assistant>" for lesson in lessons]
    answers = [f"{lesson.answer}<eos>" for lesson in lessons]
    rows = list(zip(tokenizer(prompts)["input_ids"], tokenizer(answers)["input_ids"], strict=True))
    longest = max(len(prompt) + len(answer) for prompt, answer in rows)
    ids = torch.full((len(rows), longest), tokenizer.pad_token_id)
    labels = torch.full((len(rows), longest), -100)
    for index, (prompt, answer) in enumerate(rows):
        ids[index, : len(prompt) + len(answer)] = torch.tensor(prompt + answer)
        labels[index, len(prompt) : len(prompt) + len(answer)] = torch.tensor(answer)
    pixels = torch.stack([lesson.pixels for lesson in lessons])
    mask = (ids != tokenizer.pad_token_id).long()
    return {"input_ids": ids, "attention_mask": mask, "labels": labels, "pixel_values": pixels}
