"""Compiles the engine's kernels (``*.pyx``) next to their sources, for wheels and for editable installs.

The client alone needs none of them: where they cannot be compiled the build goes on without, and what needs
them says so when it is imported.
"""

import os
from pathlib import Path
from typing import Any

from Cython.Build import cythonize
from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from setuptools import Distribution, Extension

_SOURCES = "engine"
_BUILD_DIR = "build/kernels"
# Loops over mathematical functions may be vectorised when these set no errno. Products and sums are not
# contracted: the same numbers are to give the same bits wherever they stand in an array.
_COMPILE_ARGS = ["-O3", "-fno-math-errno", "-fno-trapping-math", "-ffp-contract=off"]

_DIRECTIVES = {
    "language_level": 3,
    "boundscheck": False,
    "wraparound": False,
    "cdivision": True,
    "initializedcheck": False,
}


class KernelHook(BuildHookInterface[Any]):
    """Compiles in place, and has the results packed."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 - hatchling's
        """Called by hatchling before it packs."""
        os.chdir(self.root)
        modules = [
            Extension(
                ".".join(path.relative_to(_SOURCES).with_suffix("").parts),
                [str(path)],
                language="c++",
                extra_compile_args=_COMPILE_ARGS,
                optional=True,
            )
            for path in sorted(Path(_SOURCES).rglob("*.pyx"))
        ]
        compiled = cythonize(
            modules,
            build_dir=_BUILD_DIR,
            include_path=[_SOURCES],
            compiler_directives=_DIRECTIVES,
            quiet=True,
        )
        distribution = Distribution({"ext_modules": compiled, "package_dir": {"": _SOURCES}})
        command = distribution.get_command_obj("build_ext")
        command.inplace, command.parallel, command.build_temp = True, os.cpu_count(), _BUILD_DIR
        command.ensure_finalized()
        command.run()
        if any(Path(_SOURCES).rglob("*.so")):
            build_data["pure_python"] = False
            build_data["infer_tag"] = True
            build_data["artifacts"].append(f"{_SOURCES}/**/*.so")
