"""The keys of a configuration that are the same for all models, with their meaning.

`doc/config.md` is generated from here.
"""

import re
from pathlib import Path
from typing import Annotated, Any, Literal, Optional, Union

import pydantic
from pydantic import ConfigDict, Field

# What 32 bits hold, which no count and no weight of a run comes near.
MAX_INT, MAX_FLOAT = 2**31 - 1, 3.4e38
MAX_SIZE = 1 << 20  # of one side of a matrix of weights
MAX_PROCESSES = 1024
MASTER = r"[^\s:/]+:[1-9][0-9]{0,4}"  # an address and a port


def _not_empty(path: object) -> object:
    if path == "":
        raise ValueError("received '', expected a path")
    return path


# YAML has no paths: a text is accepted where everything else is strictly typed.
FilePath = Annotated[
    Path,
    Field(strict=False),
    pydantic.BeforeValidator(_not_empty),
    pydantic.WithJsonSchema({"type": "string", "minLength": 1}),
]
PositiveInt = Annotated[int, Field(gt=0, le=MAX_INT)]
NotNegativeInt = Annotated[int, Field(ge=0, le=MAX_INT)]
Size = Annotated[int, Field(gt=0, le=MAX_SIZE)]
SizeOrZero = Annotated[int, Field(ge=0, le=MAX_SIZE)]
Sizes = Annotated[list[Size], Field(min_length=1, max_length=100)]
VocabularySize = Annotated[int, Field(ge=3, le=MAX_INT)]
TextLength = Annotated[int, Field(ge=3, le=MAX_SIZE)]  # in tokens, with [CLS] and [SEP]
NgramLength = Annotated[int, Field(gt=0, le=64)]
MAX_FOLDS = 1000
LeadWords = Union[NotNegativeInt, Annotated[str, Field(pattern=r"\S")]]  # how many, or up to where
AnyFloat = Annotated[float, Field(ge=-MAX_FLOAT, le=MAX_FLOAT)]
Number = Union[int, AnyFloat]
PositiveFloat = Annotated[float, Field(gt=0, le=MAX_FLOAT)]
NotNegativeFloat = Annotated[float, Field(ge=0, le=MAX_FLOAT)]
Power = Annotated[float, Field(ge=0, le=100)]
Share = Annotated[float, Field(ge=0, lt=1)]
Cosines = Annotated[float, Field(ge=-2, le=2)]  # a difference of two cosines
WeightOrAuto = Union[Literal["auto"], Annotated[float, Field(ge=0, le=1)]]
LexicalFeatures = Literal["characters", "words", "within_words"]
LexicalWeighting = Literal["bm25", "tfidf"]
IndexDtype = Literal["float32", "int8", "binary"]
_FAISS_FACTORY = r"auto|Flat|IVF[1-9][0-9]{0,7},(Flat|PQ[1-9][0-9]{0,3})"
FaissFactory = Annotated[
    str, pydantic.WithJsonSchema({"type": "string", "pattern": f"^({_FAISS_FACTORY})$"})
]
LoggerName = Literal["visualdl", "tensorboard", "mlflow", "wandb"]

# Keys of which one stands in the place of the others: a later file's, or an override's, wins, and
# of two in the same file each might have been meant.
ALTERNATIVES: dict[str, tuple[tuple[tuple[str, ...], ...], ...]] = {
    "runner": (
        (("valid_data_dir",), ("valid_pair_file",)),
        (("test_data_dir",), ("test_pair_file",)),
        (("infer_checkpoint",), ("infer_start_epoch", "infer_end_epoch"), ("infer_ensemble",)),
        (("resume",), ("model_init_path",)),
    ),
}
# With these values, or null, a key leaves the others as they are.
NEUTRAL: dict[str, tuple] = {"valid_fraction": (0,), "resume": ("auto", "none")}
# A key that holds where these say nothing: in a later layer it takes away what an earlier one says.
FALLBACKS = {"valid_fraction": ("valid_data_dir", "valid_pair_file")}
# Null takes away what the other name of the same key says.
OTHER_NAMES = {
    "valid_data_dir": "valid_pair_file",
    "valid_pair_file": "valid_data_dir",
    "test_data_dir": "test_pair_file",
    "test_pair_file": "test_data_dir",
}


class Block(pydantic.BaseModel):
    """A block of keys: unknown keys are refused, types are not converted, numbers are finite."""

    model_config = ConfigDict(
        extra="forbid", strict=True, protected_namespaces=(), allow_inf_nan=False
    )


class Runner(Block):
    """How to run any model: data, batches, checkpoints, evaluation."""

    train_data_dir: Optional[FilePath] = Field(
        default=None,
        description="training data: a file, a folder of files read in sorted order, or a pattern "
        "such as `data/**/*.csv`; TSV, CSV, JSON Lines, Parquet (extra `parquet`), fastText's form "
        "(doc/data.md); like all text files, they may be compressed with gzip or Zstandard (extra "
        "`zstd`)",
    )
    valid_data_dir: Optional[FilePath] = Field(
        default=None, description="validation data: a file, a folder or a pattern"
    )
    valid_fraction: Share = Field(
        default=0.0,
        description="share of the training rows held out for validation when there is no "
        "`valid_data_dir`; the same rows for the same seed",
    )
    left_out_fold: Optional[str] = Field(
        default=None,
        description="`2/5`: of the training rows in five parts leave out the second one, which is "
        "neither trained nor validated on, and which infer.py evaluates in place of the test data; "
        "`trainer.py --folds 5` does so with each (doc/repeated_runs.md)",
    )
    test_data_dir: Optional[FilePath] = Field(
        default=None,
        description="data that infer.py evaluates and predicts: a file, a folder, a pattern, or "
        "`-` for standard input",
    )
    valid_pair_file: Optional[FilePath] = Field(
        default=None, description="for models of pairs: another name of `valid_data_dir`"
    )
    test_pair_file: Optional[FilePath] = Field(
        default=None, description="for models of pairs: another name of `test_data_dir`"
    )
    corpus_file: Optional[FilePath] = Field(
        default=None,
        description="for models of pairs: the texts to search, one a line, or .jsonl, .csv or "
        ".parquet with ids and metadata (doc/retrieval_at_scale.md); default: all texts of the "
        "pairs that are evaluated",
    )
    valid_corpus_texts: NotNegativeInt = Field(
        default=0,
        description="for models of pairs: validation during training searches the titles of its "
        "rows among so many other texts of `corpus_file`, the same ones for the same seed; 0: all",
    )
    bad_lines: Literal["error", "skip"] = Field(
        default="error",
        description="a malformed line of rows, pairs or a corpus stops the run, or is skipped and "
        "counted",
    )
    cache_dir: FilePath = Field(
        default=Path(".textzoo_cache"),
        description="where encoded text is kept between runs; may be deleted at any time",
    )
    frozen_cache_gb: NotNegativeFloat = Field(
        default=4.0,
        description="in dynamic graph what frozen layers (`encoder.freeze_layers`) give for the "
        "training and validation texts is computed once and kept in the cache, if it takes no "
        "more; 0: computed at each step",
    )
    train_batch_size: PositiveInt = Field(
        default=128, description="rows per batch in training; several processes share them"
    )
    length_pool: PositiveInt = Field(
        default=50,
        description="rows of so many batches are sorted by length before they are cut into "
        "batches; fewer: more padding, but better training where length tells much of the labels",
    )
    infer_batch_size: PositiveInt = Field(
        default=500,
        description="rows per batch in evaluation; models of pairs embed 64 texts at a time",
    )
    accumulate_steps: PositiveInt = Field(
        default=1, description="batches whose gradients are averaged, by rows, into one update"
    )
    gradient_cache_rows: NotNegativeInt = Field(
        default=0,
        description="for models of pairs in dynamic graph: embed so many texts of a batch at a "
        "time, so that a large batch needs the memory of a small one; 0: all",
    )
    epochs: NotNegativeInt = Field(
        default=1,
        description="passes over the training rows; 0: the linear part alone, see "
        "`hyper_parameters.linear`",
    )
    print_interval: PositiveInt = Field(default=100, description="steps between two log lines")
    print_seconds: PositiveFloat = Field(
        default=20.0,
        description="whatever takes long, training, validation, encoding and the like: after so "
        "many seconds without a log line there is one, with rows per second and the time left",
    )
    model_save_path: FilePath = Field(
        default=Path("output_model"), description="folder of checkpoints, log and metrics.jsonl"
    )
    save_steps: NotNegativeInt = Field(
        default=0,
        description="also save a checkpoint every so many steps; 0: only at each epoch's end",
    )
    keep_checkpoints: NotNegativeInt = Field(
        default=2,
        description="how many of the newest checkpoints to keep (`best` is kept too); 0: all",
    )
    eval_steps: NotNegativeInt = Field(
        default=0, description="evaluate on the validation rows every so many steps; 0: each epoch"
    )
    metrics: Optional[list[str]] = Field(
        default=None,
        description="names of the metrics to compute, such as accuracy, precision@1, "
        "recall@10, ndcg@5, mrr; default: the model's own list",
    )
    best_metric: Optional[str] = Field(
        default=None, description="metric that chooses `best`; default: the first of `metrics`"
    )
    patience: NotNegativeInt = Field(
        default=0, description="stop after so many evaluations without a better one; 0: never"
    )
    resume: Union[Literal["auto", "none"], FilePath] = Field(
        default="auto",
        description="`auto`: go on from the newest whole checkpoint in `model_save_path`; a path: "
        "from that checkpoint, in a folder without later ones; `none`: start over and remove the "
        "earlier run's checkpoints",
    )
    model_init_path: Optional[FilePath] = Field(
        default=None, description="checkpoint whose weights and vocabulary a new run starts from"
    )
    max_grad_norm: Optional[PositiveFloat] = Field(
        default=None, description="clip the gradients to this global L2 norm"
    )
    seed: Annotated[int, Field(ge=0, lt=2**32)] = Field(
        default=2026, description="seed of Paddle, NumPy and Python"
    )
    use_gpu: bool = Field(default=False, description="run on a GPU (needs a CUDA build of Paddle)")
    processes: Union[Literal["auto"], Annotated[int, Field(gt=0, le=MAX_PROCESSES)]] = Field(
        default=1,
        description="processes that train together on this machine, with the batches and losses "
        "of one; `auto`: one per GPU, or per core where that pays (doc/scale.md)",
    )
    nodes: Annotated[int, Field(gt=0, le=MAX_PROCESSES)] = Field(
        default=1,
        description="machines that train together; the same command is started on each "
        "(doc/machines.md)",
    )
    master: Optional[Annotated[str, Field(pattern=rf"^{MASTER}$")]] = Field(
        default=None,
        description="of several `nodes`: `ADDRESS:PORT` of one of them, at which they find each "
        "other",
    )
    use_fleet: bool = Field(
        default=False, description="accepted; `processes` says how many there are"
    )
    loggers: list[LoggerName] = Field(
        default=[],
        description="where the figures of a run go beside `metrics.jsonl`, each with an extra of "
        "its name (`visual` of visualdl): training, validation, and what infer.py measures, see "
        "doc/watching.md",
    )
    use_visual: bool = Field(default=False, description="the same as `loggers: [visualdl]`")
    num_workers: Annotated[int, Field(ge=0, le=MAX_PROCESSES)] = Field(
        default=0,
        description="processes that encode text, once, into the cache; 0: one per core where there "
        "is much text",
    )
    infer_load_path: Optional[FilePath] = Field(
        default=None,
        description="folder of checkpoints that infer.py reads; default: `model_save_path`",
    )
    infer_start_epoch: Optional[NotNegativeInt] = Field(
        default=None, description="first epoch whose checkpoint infer.py evaluates"
    )
    infer_end_epoch: Optional[NotNegativeInt] = Field(
        default=None, description="the epoch before which infer.py stops"
    )
    infer_checkpoint: Optional[Union[Literal["best", "last"], FilePath]] = Field(
        default=None,
        description="`best`, `last` or the path of a checkpoint; goes before the two epochs above. "
        "With neither: `best` if there is one, else `last`",
    )
    infer_ensemble: Optional[list[FilePath]] = Field(
        default=None,
        description="checkpoints whose scores infer.py and predict.py average in place of one: of "
        "runs with other seeds, on the same data with the same net; for models that embed texts, "
        "checkpoints of any runs of the model, whose cosines infer.py, recall.py and predict.py "
        "average; their exports are loaded together (doc/serving.md)",
    )
    infer_engine: Literal["predictor", "dygraph", "static"] = Field(
        default="predictor",
        description="what infer.py, recall.py and predict.py compute with: Paddle's inference "
        "engine with oneDNN; or the net itself in one of the two graphs. "
        "On a GPU: the net itself",
    )
    infer_precision: Literal["float32", "bfloat16", "int8", "auto"] = Field(
        default="float32",
        description="of matrix products in the predictor; bfloat16 has 8 bits, and is faster on a "
        "CPU that computes in it, where it is also what validation of models of pairs during "
        "training computes in; int8 computes those with weights in 8-bit integers through ONNX "
        "Runtime (`pip install textzoo[onnx]`), and is faster on most CPUs; auto computes the "
        "first batch in each for two seconds and takes the fastest whose outputs differ by 0.05 at "
        "most from float32's, which is logged and may be another one in the next run",
    )
    infer_output_dir: Optional[FilePath] = Field(
        default=None, description="where infer.py writes; default: `<infer_load_path>/infer`"
    )
    top_k: PositiveInt = Field(default=5, description="how many tags each prediction lists")
    threshold_shrinkage: NotNegativeFloat = Field(
        default=0.0,
        description="per_label: a label's threshold counts as much as its validation rows, the one "
        "for all labels as much as this; 0: each label by itself",
    )
    threshold: Union[Literal["tuned", "per_label"], AnyFloat] = Field(
        default="tuned",
        description="score above which a label counts as predicted: one, or one per label, with "
        "the best F1 on the validation rows, which the checkpoint keeps; or a number, such as 0.5. "
        "With a linear part also on up to 16,384 training rows, by the scores that it gives each "
        "when it is left out",
    )
    propensity_a: Annotated[float, Field(ge=0, le=10)] = Field(
        default=0.55, description="A of the propensities that psp@k and psndcg@k weigh labels by"
    )
    propensity_b: Annotated[float, Field(ge=0, le=1e6)] = Field(
        default=1.5, description="B of these propensities"
    )
    save_scores: NotNegativeInt = Field(
        default=0,
        description="infer.py also writes the scores of so many best labels of each row to "
        "scores.npz, a sparse matrix for scipy.sparse.load_npz; 0: it does not",
    )

    @pydantic.field_validator("left_out_fold")
    @classmethod
    def _check_fold(cls, fold: Optional[str]) -> Optional[str]:
        if fold is None:
            return None
        if re.fullmatch(r"[1-9]\d{0,3}/[1-9]\d{0,3}", fold):
            place, n_folds = map(int, fold.split("/"))
            if place <= n_folds and 2 <= n_folds <= MAX_FOLDS:
                return fold
        raise ValueError(
            f"received {fold!r}, expected which of how many folds, such as 2/5; there are 2 to "
            f"{MAX_FOLDS}"
        )

    @property
    def logger_names(self) -> list[LoggerName]:
        """All loggers, under either key."""
        named: list[LoggerName] = ["visualdl"] if self.use_visual else []
        return list(dict.fromkeys([*self.loggers, *named]))

    @property
    def load_path(self) -> Path:
        """The folder of checkpoints that are read."""
        return self.infer_load_path or self.model_save_path

    @property
    def output_path(self) -> Path:
        """The folder that predictions, metrics and what is found are written to."""
        return self.infer_output_dir or self.load_path / "infer"

    @property
    def valid_data(self) -> Optional[Path]:
        """The validation data, under either of its names."""
        return self.valid_data_dir or self.valid_pair_file

    @property
    def test_data(self) -> Optional[Path]:
        """The test data, under either of its names."""
        return self.test_data_dir or self.test_pair_file


class Embedding(Block):
    """Where word vectors come from."""

    file: Optional[FilePath] = Field(
        default=None,
        description="word vectors to start from: text of word2vec or GloVe, may be gzipped",
    )
    mode: Literal["rand", "static", "non_static"] = Field(
        default="rand",
        description="start at random; keep the vectors of `file`; or train them further",
    )

    def check(self) -> None:
        """Refuse a file that is not used, and a mode that lacks its file.

        Raises:
            ValueError: naming the key.
        """
        if (self.file is None) != (self.mode == "rand"):
            given = "no embedding.file" if self.file is None else f"embedding.file {self.file}"
            raise ValueError(
                f"embedding.mode: received {self.mode} with {given}; expected rand without a file, "
                "static or non_static with one"
            )


class Linear(Block):
    """The linear part of a model that scores labels; see doc/linear.md."""

    features: Literal["none", "auto", "words", "characters", "both"] = Field(
        default="none",
        description="n-grams whose TF-IDF a ridge regression scores labels by, beside the net: of "
        "words; of characters, for languages without spaces; of words and, within them, of "
        "characters; auto: `characters` or `both`, as the training texts are written; none: the "
        "net alone",
    )
    ngram_max: Optional[NgramLength] = Field(
        default=None,
        description="the most words, or characters, of an n-gram; default: 2 words, 3 characters",
    )
    character_weight: Annotated[float, Field(gt=0, le=100)] = Field(
        default=0.7, description="both: weight of the characters beside the words"
    )
    term_frequency: Literal["sublinear", "binary"] = Field(
        default="sublinear",
        description="what an n-gram counts that a text has n times: 1 + log n; or 1",
    )
    idf_power: Annotated[float, Field(ge=0, le=10)] = Field(
        default=1.0, description="power of the inverse document frequency"
    )
    lead_words: LeadWords = Field(
        default=0,
        description="so many words at the start of a text, such as its title, count twice; or "
        "those before a mark, such as `<eos>`",
    )
    min_count: PositiveInt = Field(
        default=2, description="n-grams that are in fewer training texts do not count"
    )
    regularisation: Union[Literal["auto"], PositiveFloat] = Field(
        default="auto",
        description="strength of the ridge; auto: the best one for training rows, each left out",
    )
    label_names: Union[Literal["auto"], Annotated[float, Field(ge=0, le=1000)]] = Field(
        default="auto",
        description="how often a label's name counts as a text of the label; auto: once where "
        "labels have fewer than 20 rows in the mean, else not",
    )
    label_balance: Annotated[float, Field(ge=0, le=1)] = Field(
        default=0.0,
        description="rows of rare labels count more: (1 / rows with the label) to this power",
    )
    label_means: Union[Literal["auto"], Annotated[float, Field(ge=0, le=1000)]] = Field(
        default="auto",
        description="weight of the cosine with the mean of a label's texts; auto: as for "
        "`regularisation`",
    )
    embeddings: Optional[FilePath] = Field(
        default=None,
        description="an encoder whose embeddings of the texts count beside the n-grams, as it is: "
        "a folder of a pretrained one of Hugging Face or PaddleNLP; one that export.py made of a "
        "model of pairs; or the config of one, with a checkpoint. Default: none",
    )
    embeddings_weight: Union[Literal["auto"], Annotated[float, Field(gt=0, le=100)]] = Field(
        default="auto",
        description="weight of the embeddings beside the n-grams; auto: as for `regularisation`",
    )
    embeddings_prefix: Optional[str] = Field(
        default=None,
        description="what a pretrained encoder takes before each text; default: `reader.prefix`",
    )
    embeddings_pooling: Optional[Literal["cls", "mean"]] = Field(
        default=None,
        description="how a pretrained encoder's tokens become one vector; default: `mean`",
    )
    embeddings_max_len: Optional[TextLength] = Field(
        default=None,
        description="the longest text that a pretrained encoder sees, in its tokens; default: 128",
    )
    weight: WeightOrAuto = Field(
        default="auto",
        description="share of the linear scores in a score, that of the net being the rest; auto: "
        "the best one on the validation rows at each evaluation, 0.5 without such rows",
    )


class Teacher(Block):
    """Another encoder, whose embeddings a model of pairs learns; see doc/pretrained.md.

    The last four keys are of a pretrained encoder: an export and a checkpoint have their own.
    """

    model: Optional[FilePath] = Field(
        default=None,
        description="a folder of a pretrained encoder of Hugging Face or PaddleNLP; one that "
        "export.py made of a model of pairs; or the config of one, with a checkpoint. Default: "
        "none",
    )
    weight: Annotated[float, Field(gt=0, le=1)] = Field(
        default=0.5,
        description="share of the distance from the teacher's embeddings in the loss, that of the "
        "pairs being the rest; 1: the pairs as such do not count",
    )
    pooling: Optional[Literal["cls", "mean"]] = Field(
        default=None, description="how the teacher's tokens become one vector; default: `mean`"
    )
    query_prefix: Optional[str] = Field(
        default=None, description="what the teacher takes before each query"
    )
    title_prefix: Optional[str] = Field(default=None, description="what it takes before each title")
    max_len: Optional[TextLength] = Field(
        default=None, description="the longest text that it sees, in its tokens; default: 128"
    )


class IndexSettings(Block):
    """How texts are searched by their embeddings."""

    backend: Literal["hnsw", "exact", "faiss", "milvus"] = Field(
        default="hnsw",
        description="a graph of neighbours (Malkov and Yashunin 2018) in memory, for which hnswlib "
        "has to be installed (`pip install textzoo[hnsw]`), else as exact; every text; lists and "
        "codes of texts by faiss; or Milvus (doc/retrieval_at_scale.md)",
    )
    space: Literal["cosine", "ip", "l2"] = Field(
        default="cosine", description="what is near in the graph"
    )
    hnsw_m: Annotated[int, Field(ge=2, le=2048)] = Field(
        default=32, description="neighbours of each text kept"
    )
    ef_construction: PositiveInt = Field(default=200, description="candidates kept while building")
    ef: PositiveInt = Field(default=200, description="candidates kept while searching")
    dtype: IndexDtype = Field(
        default="float32",
        description="what is kept of the embeddings: 8 bits of each number; or the signs, in "
        "memory, and 8 bits on disk; exact, and int8 in hnsw and faiss (doc/small_indexes.md)",
    )
    rescore_multiplier: Annotated[int, Field(gt=0, le=1000)] = Field(
        default=10,
        description="binary, and PQ of faiss: so many times as many texts as are asked for are "
        "found by their signs or codes, and compared with the query by what `dtype` keeps",
    )
    faiss: FaissFactory = Field(
        default="auto",
        description="faiss: a string of its index_factory, of these: IVF4096,PQ32, for 4096 lists "
        "and 32 bytes of each text; IVF4096,Flat, for whole vectors; Flat, for every text, without "
        "lists; auto: by the number of texts (doc/retrieval_at_scale.md)",
    )
    nprobe: PositiveInt = Field(default=32, description="faiss: lists that each query looks at")
    center: bool = Field(
        default=False,
        description="take the mean of the corpus away from all embeddings, which are then of "
        "length 1 again; the index keeps it",
    )
    lexical_weight: WeightOrAuto = Field(
        default=0.0,
        description="share of the n-grams that a text and the query have in common in a score, the "
        "cosine being the rest (doc/hybrid_search.md); auto: the best one on the validation rows "
        "at each evaluation, which the checkpoint keeps; not in Milvus",
    )
    lexical_features: LexicalFeatures = Field(
        default="characters",
        description="which n-grams: of characters, for languages without spaces; of words; of "
        "characters with none reaching over a word",
    )
    lexical_ngram_max: Optional[NgramLength] = Field(
        default=None,
        description="the most words, or characters, of an n-gram; default: 2, within_words 3",
    )
    lexical_weighting: LexicalWeighting = Field(
        default="bm25",
        description="BM25, with k1 1.2 and b 0.75; or the cosine of TF-IDF",
    )
    recall_num: PositiveInt = Field(default=50, description="how many texts each query recalls")
    mine_from: PositiveInt = Field(
        default=10, description="mine_negatives.py: the first rank looked at"
    )
    mine_to: PositiveInt = Field(
        default=50, description="mine_negatives.py: the last rank looked at"
    )
    mine_margin: Optional[Cosines] = Field(
        default=0.0,
        description="mine_negatives.py: a negative's cosine is below the title's by so much; null: "
        "it may be above it",
    )
    mine_relative_margin: Optional[Share] = Field(
        default=None,
        description="mine_negatives.py: a negative's cosine is below the title's by this share of "
        "it; 0.05: at most 95 % of it",
    )
    mine_max_score: Optional[Cosines] = Field(
        default=None, description="mine_negatives.py: the highest cosine of a negative"
    )
    mine_min_score: Optional[Cosines] = Field(
        default=None, description="mine_negatives.py: the lowest cosine of a negative"
    )
    mine_per_pair: PositiveInt = Field(
        default=1,
        description="mine_negatives.py: the most negatives of a pair, with those that it has, in "
        "the third and further columns; more than one are trained on with `reader.max_negatives`",
    )
    mine_sampling: Literal["top", "random"] = Field(
        default="top",
        description="mine_negatives.py: of what is left take the nearest, or any (by `seed`)",
    )
    path: Optional[FilePath] = Field(
        default=None,
        description="folder of the index; default: `<model_save_path>/index`. Milvus Lite is "
        "beside it, with `.db` at its end",
    )
    uri: Optional[str] = Field(
        default=None,
        description="milvus: address of a server, such as http://localhost:19530, or "
        "http://localhost:19530/DATABASE; default: Milvus Lite, in a folder of its own",
    )
    token: Optional[pydantic.SecretStr] = Field(
        default=None,
        exclude=True,
        description="milvus: `user:password` or API key, which no file or log repeats; default: "
        "the variable `TEXTZOO_MILVUS_TOKEN`",
    )
    collection: Optional[str] = Field(
        default=None,
        description="milvus: the collection, of corpora embedded by one model; default: "
        "`textzoo_<name of the model's folder>`",
    )
    partition: Optional[str] = Field(
        default=None,
        description="milvus: what the corpus is called in the collection; default: the name of "
        "`corpus_file`",
    )
    index_type: Literal["HNSW", "FLAT", "AUTOINDEX"] = Field(
        default="HNSW",
        description="milvus: a graph with `hnsw_m` and `ef_construction`; every text; or what the "
        "server takes for best",
    )
    filter: Optional[str] = Field(
        default=None,
        description="milvus: find only texts whose metadata fulfil this, such as "
        '`language == "en" and year >= 2020`',
    )

    @pydantic.field_validator("faiss")
    @classmethod
    def _check_faiss(cls, factory: str) -> str:
        if re.fullmatch(_FAISS_FACTORY, factory):
            return factory
        raise ValueError(
            f"received {factory!r}, expected auto, Flat, or such as IVF4096,Flat or IVF4096,PQ32"
        )

    @pydantic.field_validator("uri")
    @classmethod
    def _check_uri(cls, uri: Optional[str]) -> Optional[str]:
        if uri is None or re.fullmatch(r"(https?|tcp)://[^@/]+(/\w*)?", uri):
            return uri
        # It is not repeated: there may be a password in it.
        raise ValueError(
            "expected http://HOST:PORT or https://HOST:PORT; user and password go to "
            "TEXTZOO_MILVUS_TOKEN, as user:password; null is Milvus Lite in `index.path`"
        )

    @pydantic.field_validator("collection", "partition")
    @classmethod
    def _check_name(cls, name: Optional[str]) -> Optional[str]:
        if name is None or re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,199}", name):
            return name
        raise ValueError(
            f"received {name!r}, expected letters a to z, digits and _, not a digit first"
        )

    @property
    def lite_path(self) -> Path:
        """The folder of Milvus Lite.

        Raises:
            ValueError: the settings leave the path open, see `index.opening.index_settings`.
        """
        if self.path is None:
            raise ValueError("index.path: is not set, expected the path of the index")
        return self.path if self.path.suffix == ".db" else Path(f"{self.path}.db")

    @property
    def place(self) -> str:
        """Where the index is, in words."""
        if self.backend != "milvus":
            return str(self.path)
        return f"{self.uri or self.lite_path}, collection {self.collection}, {self.partition}"


class Optimizer(Block):
    """The optimizer and the schedule of its learning rate.

    Other keys are arguments of the class itself, such as `beta1` or `weight_decay`.
    """

    model_config = ConfigDict(extra="allow", strict=True, populate_by_name=True)

    class_name: str = Field(
        alias="class",
        description="a class of paddle.optimizer: SGD, Momentum, Adagrad, Adam, AdamW, ...",
    )
    learning_rate: PositiveFloat = Field(description="the highest learning rate")
    schedule: Literal["constant", "linear", "cosine"] = Field(
        default="constant", description="after the warm-up: stay, or fall to 0 at the last step"
    )
    warmup: Annotated[float, Field(ge=0, le=MAX_INT)] = Field(
        default=0.0,
        description="linear warm-up: a share of all steps if below 1, else a number of steps",
    )
    layer_decay: Optional[Annotated[float, Field(gt=0, le=1)]] = Field(
        default=None,
        description="of models with a transformer: the learning rate of its last layer is "
        "multiplied by so much, of the one before by the square of it, and so on down to the "
        "embeddings; 1 or null: one rate for all",
    )


_MOST_STEPS = 1_000_000  # of a range that is searched


class SearchRange(Block):
    """Numbers that `textzoo tune` searches a key's value among; see doc/tuning.md."""

    low: Number = Field(description="the lowest one")
    high: Number = Field(description="the highest one")
    log: bool = Field(
        default=False, description="factors count alike, not differences: as for a learning rate"
    )
    step: Optional[Annotated[Number, Field(gt=0)]] = Field(
        default=None, description="only `low` and every so much above it"
    )

    @pydantic.model_validator(mode="after")
    def _check(self) -> "SearchRange":
        if self.low >= self.high:
            raise ValueError(f"received low {self.low} and high {self.high}, expected low < high")
        if self.log and self.low <= 0:
            raise ValueError(f"received log with low {self.low}, expected low > 0")
        if self.step and (self.log or self.step > self.high - self.low):
            expected = "no step" if self.log else "at most high - low"
            raise ValueError(f"received step {self.step}, expected {expected}")
        if self.step and (self.high - self.low) / self.step > _MOST_STEPS:
            least = (self.high - self.low) / _MOST_STEPS
            raise ValueError(f"received step {self.step}, expected at least {least:g}, or no step")
        return self


SearchChoices = Annotated[list[Any], Field(min_length=1)]

# What a search may vary beside all keys of `reader` and `hyper_parameters`: how a run learns, and
# how it scores; not on which rows it is judged, and by what.
SEARCHABLE = {
    "runner": (
        *("train_batch_size", "length_pool", "accumulate_steps", "epochs", "max_grad_norm"),
        *("patience", "model_init_path"),
    ),
    "index": (
        *("center", "lexical_weight", "lexical_features", "lexical_ngram_max"),
        "lexical_weighting",
    ),
}


class EncoderSettings(Block):
    """The transformer below a model's head.

    Names are those of a Hugging Face `config.json`. A key that is left out has the value of
    `pretrained`, or else of `config`.
    """

    config: Optional[Union[Literal["ngram", "tiny", "small", "base"], FilePath]] = Field(
        default=None,
        description="embeddings of character n-grams 256 wide and no layers; 2 layers 128 wide; "
        "4 layers 312 wide; 12 layers 768 wide; or the path of a config.json. Default: `small`; "
        "`pretrained` has its own",
    )
    pretrained: Optional[FilePath] = Field(
        default=None,
        description="weights a new run starts from: a folder of Hugging Face or PaddleNLP, of the "
        "BERT, ERNIE, ALBERT, RoBERTa or XLM-RoBERTa family, with its tokenizer",
    )
    freeze_layers: Optional[Annotated[int, Field(ge=0, le=1024)]] = Field(
        default=None,
        description="the embeddings and so many layers above them stay as they are: they need no "
        "gradients and no state of the optimizer, and have no dropout; 0: the embeddings alone; "
        "null: all learn",
    )
    num_hidden_layers: Optional[Annotated[int, Field(ge=0, le=1024)]] = Field(
        default=None, description="number of layers; 0: embeddings alone"
    )
    hidden_size: Optional[Size] = Field(default=None, description="width of the layers")
    num_attention_heads: Optional[Size] = Field(default=None, description="number of heads")
    intermediate_size: Optional[Size] = Field(
        default=None, description="width between the two products of the feed-forward part"
    )
    embedding_size: Optional[Size] = Field(
        default=None,
        description="width of embeddings that are projected to `hidden_size`, as in ALBERT",
    )
    share_layers: Optional[bool] = Field(
        default=None, description="one set of weights for all layers, as in ALBERT"
    )
    norm_first: Optional[bool] = Field(
        default=None, description="layer normalisation before each part (pre-norm) and not after it"
    )
    hidden_act: Optional[Literal["gelu", "gelu_new", "relu"]] = Field(
        default=None, description="activation; `gelu_new` is its approximation with tanh"
    )
    max_position_embeddings: Optional[Size] = Field(
        default=None, description="the longest text, in tokens"
    )
    type_vocab_size: Optional[Size] = Field(default=None, description="number of token types")
    use_task_id: Optional[bool] = Field(
        default=None, description="task embeddings, as in ERNIE 2 and 3"
    )
    task_type_vocab_size: Optional[Size] = Field(default=None, description="number of tasks")
    hidden_dropout_prob: Optional[Share] = Field(
        default=None,
        description="dropout after the embeddings and after each part of a layer; for `ngram` the "
        "share of n-grams hidden in training, default 0",
    )
    attention_probs_dropout_prob: Optional[Share] = Field(
        default=None, description="dropout of attention weights"
    )
    layer_norm_eps: Optional[Annotated[float, Field(gt=0, lt=1)]] = Field(
        default=None, description="added to the variance in layer normalisation"
    )
    initializer_range: Optional[Annotated[float, Field(gt=0, le=10)]] = Field(
        default=None, description="standard deviation of random weights"
    )
