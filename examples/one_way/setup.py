"""A plug-in of glimmer: installed, its components and YAML files are found by name."""

from setuptools import find_packages, setup

setup(
    name="glimmer-one-way",
    version="0.1.0",
    description="One-way late interaction and a multi-head reranker for glimmer",
    python_requires=">=3.11",
    packages=find_packages(),
    package_data={"glimmer_one_way": ["config/**/*.yaml"]},
    install_requires=["glimmer"],
    entry_points={"glimmer.plugins": ["one_way = glimmer_one_way"]},
)
