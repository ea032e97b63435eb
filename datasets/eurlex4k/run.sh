#!/usr/bin/env bash
# EUR-Lex-4K: European laws and their subjects, for xmlcnn.
#
#   sh run.sh                  data/train/train.tsv, data/test/test.tsv
#   sh run.sh --from DIR       from a local EUR-Lex.tar.gz (zip or tar, whatever its name says)
#   sh run.sh --help
if [ -z "${BASH_VERSION:-}" ]; then exec bash "$0" "$@"; fi
set -euo pipefail
HERE="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
# shellcheck source-path=SCRIPTDIR source=../fetch.sh
. "$HERE/../fetch.sh"

DATASET="eurlex4k"
TITLE="EUR-Lex-4K, as prepared for AttentionXML (2019)"
MANUAL_ADDRESS="https://github.com/yourh/AttentionXML#datasets"
TERMS='Terms: the texts are law of the European Union, free to reuse; the preparation is free for
non-commercial use. Please cite: Eneldo Loza Mencia, Johannes Fuernkranz. Efficient Pairwise
Multilabel Classification for Large-Scale Problems in the Legal Domain. ECML-PKDD 2008; and
Ronghi You et al. AttentionXML. NeurIPS 2019.'

# No checksum of the archive is published.
declare_file EUR-Lex.tar.gz unknown \
    "https://drive.google.com/uc?export=download&id=1iPGbr5-z2LogtMFG1rwwekV_aTubvAb2"

declare_output text train/train.tsv test/test.tsv

prepare_dataset "$@"
