"""Molecules."""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from steelyard.errors import Invalid, WrongType
from steelyard.sdk.media.libraries import load_library
from steelyard.sdk.media.media import PATHS, BatchableMedia


class Molecule(BatchableMedia):
    """A molecule in space.

    Args:
        data_or_path: the path of a pdb, pqr, mmcif, mcif, cif, sdf, sd, gro, mol2 or mmtf file,
            or an open one.
        caption: text beside it.
        file_type: one of those, for an open file without a name.
    """

    SUPPORTED_TYPES: ClassVar[frozenset[str]] = frozenset(
        {"pdb", "pqr", "mmcif", "mcif", "cif", "sdf", "sd", "gro", "mol2", "mmtf"}
    )
    SUPPORTED_RDKIT_TYPES: ClassVar[frozenset[str]] = frozenset({"mol", "sdf"})
    _log_type = "molecule-file"
    _media_dir = "media/molecule"

    def __init__(self, data_or_path: Any, caption: str | None = None, **kwargs: str) -> None:
        super().__init__(caption)
        if not isinstance(data_or_path, PATHS) and isinstance(
            getattr(data_or_path, "name", None), str
        ):
            data_or_path = data_or_path.name
        if isinstance(data_or_path, PATHS):
            path = os.fspath(data_or_path)
            self._check_type(os.path.splitext(path)[1][1:])  # noqa: PTH122
            self._set_file(path)
        elif hasattr(data_or_path, "read"):
            file_type = self._check_type(kwargs.get("file_type"))
            if hasattr(data_or_path, "seek"):
                data_or_path.seek(0)
            content = data_or_path.read()
            data = content.encode() if isinstance(content, str) else content
            self._set_content(data, f".{file_type}")
        else:
            raise WrongType(
                f"Molecule takes a path or an open file, not a {type(data_or_path).__name__}"
            )

    def _check_type(self, file_type: str | None) -> str:
        if file_type is None:
            raise Invalid("Molecule of an open file without a name needs file_type=, such as 'pdb'")
        if file_type not in self.SUPPORTED_TYPES:
            raise Invalid(
                f"Molecule takes files of type {', '.join(sorted(self.SUPPORTED_TYPES))}, not "
                f"{file_type!r}"
            )
        return file_type

    @classmethod
    def from_rdkit(
        cls,
        data_or_path: Any,
        caption: str | None = None,
        convert_to_3d_and_optimize: bool = True,
        mmff_optimize_molecule_max_iterations: int = 200,
    ) -> Molecule:
        """A molecule of rdkit, or of a mol or sdf file that rdkit reads.

        Args:
            convert_to_3d_and_optimize: find where its atoms are in space, which may take long.
            mmff_optimize_molecule_max_iterations: at most so many rounds of that.
        """
        chem = _load_rdkit()
        if isinstance(data_or_path, PATHS):
            path = os.fspath(data_or_path)
            kind = Path(path).suffix[1:]
            if kind not in cls.SUPPORTED_RDKIT_TYPES:
                raise Invalid(f"from_rdkit() takes mol and sdf files, not {path!r}")
            if kind == "sdf":
                with chem.SDMolSupplier(path) as supplier:
                    molecule = next(iter(supplier))
            else:
                molecule = chem.MolFromMolFile(path)
        else:
            molecule = data_or_path
        if not isinstance(molecule, chem.rdchem.Mol):
            raise WrongType(f"from_rdkit() takes a molecule of rdkit, not {data_or_path!r:.100}")
        if convert_to_3d_and_optimize:
            shapes = load_library("rdkit.Chem.AllChem", "finding a shape", package="rdkit")
            molecule = chem.AddHs(molecule)
            shapes.EmbedMolecule(molecule)
            shapes.MMFFOptimizeMolecule(molecule, maxIters=mmff_optimize_molecule_max_iterations)
        block = chem.rdmolfiles.MolToPDBBlock(molecule)
        return cls(io.StringIO(block), caption=caption, file_type="pdb")

    @classmethod
    def from_smiles(
        cls,
        data: str,
        caption: str | None = None,
        sanitize: bool = True,
        convert_to_3d_and_optimize: bool = True,
        mmff_optimize_molecule_max_iterations: int = 200,
    ) -> Molecule:
        """A molecule written as SMILES; rdkit reads it. See `from_rdkit`."""
        molecule = _load_rdkit().MolFromSmiles(data, sanitize=sanitize)
        if molecule is None:
            raise Invalid(f"rdkit cannot read {data!r:.200} as SMILES")
        return cls.from_rdkit(
            molecule, caption, convert_to_3d_and_optimize, mmff_optimize_molecule_max_iterations
        )

    @classmethod
    def seq_to_json(cls, seq: Sequence[Any], run: Any, key: str, step: int | str) -> dict[str, Any]:
        """Source: wandb 0.31.0 sdk/data_types/molecule.py Molecule.seq_to_json."""
        encoded = [each.to_json(run) for each in seq]
        return {
            "_type": "molecule",
            "filenames": [each.get("path") for each in encoded],
            "count": len(encoded),
            "captions": cls.captions(seq),
        }


def _load_rdkit() -> Any:
    return load_library(
        "rdkit.Chem",
        "reading a molecule",
        package="rdkit",
        otherwise="Molecule(path) works without",
    )
