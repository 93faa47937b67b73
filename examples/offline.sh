# Train on a machine without a network, send the runs later: sh examples/offline.sh
set -eu
here=$(dirname "$0")
WANDB_MODE=offline python "$here/minimal.py"   # needs no server and no key
WANDB_MODE=offline python "$here/minimal.py"
ls -d steelyard/offline-run-*
steelyard sync steelyard                        # where WANDB_BASE_URL and WANDB_API_KEY are known
