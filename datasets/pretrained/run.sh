#!/usr/bin/env bash
# Small pretrained encoders, for hyper_parameters.encoder.pretrained.
#
#   sh run.sh NAME                 data/NAME/; without NAME: which there are
#   sh run.sh NAME --from DIR      from local copies of the published files
#   sh run.sh NAME --help
if [ -z "${BASH_VERSION:-}" ]; then exec bash "$0" "$@"; fi
set -euo pipefail
HERE="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
# shellcheck source-path=SCRIPTDIR source=../fetch.sh
. "$HERE/../fetch.sh"

NAMES="multilingual-e5-small bge-small-zh-v1.5 all-MiniLM-L6-v2 ernie-3.0-nano-zh ernie-3.0-micro-zh albert-chinese-tiny"
USAGE="NAME "
NAME="${1:-}"
HUB="https://huggingface.co"
PADDLE="https://bj.bcebos.com/paddlenlp/models/transformers/albert"

declare_folder() { # ADDRESS VOCABULARY: config, weights and vocabulary as Hugging Face keeps them
    declare_file config.json unknown "$1/config.json"
    declare_file model.safetensors "$WEIGHTS" "$1/model.safetensors"
    declare_file "$2" "$VOCABULARY" "$1/$2"
    declare_output encoder config.json model.safetensors "$2"
}

WEIGHTS=unknown
VOCABULARY=unknown
case "$NAME" in
    multilingual-e5-small)
        TITLE="multilingual-e5-small: Chinese, English and others, 12 layers, 384 wide, 471 MB"
        MANUAL_ADDRESS="$HUB/intfloat/multilingual-e5-small"
        TERMS='Terms: MIT. Its texts begin with "query: " or "passage: ": set reader.query_prefix and
reader.title_prefix, or reader.prefix. Please cite: Liang Wang and others. Multilingual E5 Text
Embeddings: A Technical Report. arXiv:2402.05672.'
        declare_folder "$MANUAL_ADDRESS/resolve/main" tokenizer.json
        ;;
    bge-small-zh-v1.5)
        TITLE="bge-small-zh-v1.5: Chinese sentences, 4 layers, 512 wide, 96 MB"
        MANUAL_ADDRESS="$HUB/BAAI/bge-small-zh-v1.5"
        TERMS='Terms: MIT. Its vector is that of the first token (hyper_parameters.pooling: cls); for
passages it has an instruction before queries, see its page: set reader.query_prefix. Please cite:
Shitao Xiao and others. C-Pack: Packed Resources For General Chinese Embeddings. arXiv:2309.07597.'
        declare_folder "$MANUAL_ADDRESS/resolve/main" vocab.txt
        ;;
    all-MiniLM-L6-v2)
        TITLE="all-MiniLM-L6-v2: English sentences, 6 layers, 384 wide, 91 MB"
        MANUAL_ADDRESS="$HUB/sentence-transformers/all-MiniLM-L6-v2"
        TERMS='Terms: Apache License 2.0. Please cite: Nils Reimers, Iryna Gurevych. Sentence-BERT:
Sentence Embeddings using Siamese BERT-Networks. EMNLP 2019.'
        WEIGHTS=sha256:53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db
        VOCABULARY=sha256:07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3
        declare_folder "$MANUAL_ADDRESS/resolve/main" vocab.txt
        ;;
    ernie-3.0-nano-zh)
        TITLE="ERNIE 3.0 Nano: Chinese, 4 layers, 312 wide, 71 MB"
        MANUAL_ADDRESS="$HUB/nghuyong/ernie-3.0-nano-zh"
        TERMS='Terms: weights published by Baidu under Apache License 2.0, in the form that nghuyong
converted. Please cite: Yu Sun and others. ERNIE 3.0. arXiv:2107.02137.'
        declare_folder "$MANUAL_ADDRESS/resolve/c9bc8b977278a2e97fdb0788ab353d9a4f8dd88e" vocab.txt
        ;;
    ernie-3.0-micro-zh)
        TITLE="ERNIE 3.0 Micro: Chinese, 4 layers, 384 wide"
        MANUAL_ADDRESS="$HUB/nghuyong/ernie-3.0-micro-zh"
        TERMS='Terms: weights published by Baidu under Apache License 2.0, in the form that nghuyong
converted. Please cite: Yu Sun and others. ERNIE 3.0. arXiv:2107.02137.'
        declare_folder "$MANUAL_ADDRESS/resolve/refs%2Fpr%2F1" vocab.txt
        ;;
    albert-chinese-tiny)
        TITLE="ALBERT tiny: Chinese, 4 layers, 312 wide"
        MANUAL_ADDRESS="https://github.com/PaddlePaddle/PaddleNLP"
        TERMS='Terms: weights of PaddleNLP, Apache License 2.0. Please cite: Zhenzhong Lan and others.
ALBERT: A Lite BERT for Self-supervised Learning of Language Representations. ICLR 2020.'
        declare_file albert-chinese-tiny.pdparams unknown "$PADDLE/albert-chinese-tiny.pdparams"
        declare_file albert-chinese-tiny.vocab.txt unknown "$PADDLE/albert-chinese-tiny.vocab.txt"
        declare_output encoder config.json model_state.pdparams vocab.txt
        ;;
    "" | --help | -h)
        say "usage: sh run.sh NAME [--from DIR] [--output DIR] [--help]"
        say "NAME is one of: $NAMES"
        exit 0
        ;;
    *) fail 2 "unknown encoder: received '$NAME', expected one of: $NAMES" ;;
esac
shift

DATASET="pretrained/$NAME"
OUTPUT="$HERE/data/$NAME"
prepare_dataset "$@"
