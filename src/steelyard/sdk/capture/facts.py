"""What only the user's process can see of itself, for its sender. Runs inside `init()`.

It must cost next to nothing there: no file is read, nothing is imported, no process is started.
Credentials in command lines are starred out by the sender, which has the patterns for it.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping

from steelyard import limits
from steelyard.sdk.capture import jupyter

TYPE_CHECKING = False  # as in `typing`, which costs milliseconds to load
if TYPE_CHECKING:
    from typing import Any

# Environment variables that tell where and as what a process runs. Nothing else is looked at, and
# of these nothing whose name says that it is a credential (SLURM_JWT).
PREFIXES = ("SLURM_", "OMPI_COMM_WORLD_", "TORCHELASTIC_", "KUBEFLOW_", "JOB_COMPLETION_INDEX")
NAMES = frozenset(
    # ranks
    {"RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "NODE_RANK", "GROUP_RANK"}
    | {"MASTER_ADDR", "MASTER_PORT", "PMI_RANK", "PMI_SIZE", "PMIX_RANK"}
    # devices and threads
    | {"CUDA_VISIBLE_DEVICES", "NVIDIA_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES"}
    | {"HIP_VISIBLE_DEVICES", "OMP_NUM_THREADS", "PYTHONHASHSEED", "CUBLAS_WORKSPACE_CONFIG"}
    # LSF, PBS, Grid Engine, AWS Batch, Ray
    | {"LSB_JOBID", "LSB_JOBINDEX", "LSB_JOBNAME", "LSB_QUEUE"}
    | {"PBS_JOBID", "PBS_JOBNAME", "PBS_QUEUE", "PBS_ARRAY_INDEX", "PBS_ARRAYID"}
    | {"JOB_ID", "JOB_NAME", "SGE_TASK_ID", "QUEUE", "AWS_BATCH_JOB_ID", "RAY_JOB_ID"}
    # Kubernetes; the names of the pod's facts are a convention of the downward API
    | {"KUBERNETES_SERVICE_HOST", "HOSTNAME", "POD_NAME", "POD_NAMESPACE", "POD_IP", "POD_UID"}
    | {"NODE_NAME", "K8S_POD_NAME", "K8S_NAMESPACE", "K8S_NODE_NAME", "MY_POD_NAME"}
    | {"MY_POD_NAMESPACE", "MY_NODE_NAME"}
    # containers
    | {"WANDB_DOCKER", "STEELYARD_DOCKER", "APPTAINER_CONTAINER", "SINGULARITY_CONTAINER"}
    # continuous integration
    | {"CI", "GITHUB_ACTIONS", "GITHUB_REPOSITORY", "GITHUB_RUN_ID", "GITHUB_SHA"}
    | {"GITHUB_REF_NAME", "GITHUB_WORKFLOW", "GITLAB_CI", "CI_JOB_ID", "CI_JOB_URL"}
    | {"CI_PIPELINE_ID", "CI_PROJECT_PATH", "CI_COMMIT_SHA", "BUILD_URL", "BUILDKITE_BUILD_URL"}
    # Python environments and notebooks
    | {"CONDA_PREFIX", "CONDA_DEFAULT_ENV", "VIRTUAL_ENV", "JPY_SESSION_NAME"}
    | {"COLAB_RELEASE_TAG", "KAGGLE_KERNEL_RUN_TYPE", "DATABRICKS_RUNTIME_VERSION"}
)
SECRET_PARTS = ("TOKEN", "SECRET", "PASS", "KEY", "JWT", "CRED", "AUTH")
USER_NAMES = ("LOGNAME", "USER", "LNAME", "USERNAME")  # those that getpass.getuser looks at


def gather_process_facts(environ: Mapping[str, str]) -> dict[str, Any]:
    """Facts of this process that its children cannot see, as a map that JSON can carry.

    pid, argv and orig_argv (as given, credentials included), cwd, executable, prefix, base_prefix,
    python ("CPython 3.11.7"), sys_path, main_file, main_module (of `python -m`), is_notebook and
    notebook (hints), username, environment (an allowlist), started_at_us. What cannot be found is
    None. Never raises; about 0.1 ms.
    """
    main = sys.modules.get("__main__")
    spec = getattr(main, "__spec__", None)
    notebook = jupyter.look_for_notebook(environ)
    return {
        "pid": os.getpid(),
        "started_at_us": time.time_ns() // 1000,
        "argv": _arguments(sys.argv),
        "orig_argv": _arguments(sys.orig_argv),
        "cwd": _current_directory(),
        "executable": sys.executable or None,
        "prefix": sys.prefix,
        "base_prefix": sys.base_prefix,
        "python": _describe_python(),
        "sys_path": [entry for entry in sys.path if isinstance(entry, str)],
        "main_file": _text_or_none(getattr(main, "__file__", None)),
        "main_module": _module_name(_text_or_none(getattr(spec, "name", None))),
        "is_notebook": notebook is not None,
        "notebook": notebook,
        "username": next((environ[name] for name in USER_NAMES if environ.get(name)), None),
        "environment": select_environment(environ),
    }


def select_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """The variables that are captured: those on the list, without credentials, cut to a length."""
    return {
        name: value[: limits.CAPTURED_VARIABLE_CHARS_MAX]
        for name, value in environ.items()
        if (name in NAMES or name.startswith(PREFIXES))
        and not any(part in name for part in SECRET_PARTS)
    }


def _arguments(arguments: Any) -> list[str]:
    """Cut where somebody passes a whole file list: the machine's facts travel with every run."""
    texts = [text for text in arguments if isinstance(text, str)]
    if len(texts) > limits.CAPTURED_ARGUMENTS_MAX:
        left_out = len(texts) - limits.CAPTURED_ARGUMENTS_MAX
        texts = [*texts[: limits.CAPTURED_ARGUMENTS_MAX], f"… {left_out} more"]
    longest = limits.CAPTURED_VARIABLE_CHARS_MAX
    return [text if len(text) <= longest else f"{text[:longest]}…" for text in texts]


def _current_directory() -> str | None:
    try:
        return os.getcwd()
    except OSError:  # somebody removed it
        return None


def _describe_python() -> str:
    """As platform.python_implementation and python_version say it, without loading `platform`."""
    names = {"cpython": "CPython", "pypy": "PyPy", "graalpy": "GraalPy"}
    name = names.get(sys.implementation.name, sys.implementation.name)
    return f"{name} {sys.version.split()[0].removesuffix('+')}"


def _module_name(spec_name: str | None) -> str | None:
    """`python -m package` has the spec of `package.__main__`."""
    return spec_name.removesuffix(".__main__") if spec_name else None


def _text_or_none(value: Any) -> str | None:
    return value if isinstance(value, str) else None
