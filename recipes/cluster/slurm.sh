#!/bin/bash
# One training on several machines under Slurm: one task per machine, which takes all the GPUs that it sees there.
#
#     sbatch recipes/cluster/slurm.sh recipes/photos.py --data /shared/photos --out /shared/trained
#
# The recipe, the data and --out lie where every machine finds them. A machine that fails ends the job; sent again, the
# same command goes on from the last state that was saved, and so does Slurm itself after a preemption.
#SBATCH --job-name=kerascnn
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=1
#SBATCH --gpus-per-node=4
#SBATCH --cpus-per-task=32
#SBATCH --time=24:00:00
#SBATCH --requeue
#SBATCH --open-mode=append
set -euo pipefail

srun --kill-on-bad-exit=1 kerascnn train "$@" --strategy workers
