#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# same_doc.sh GENERATOR FILE: is the file what the generator prints?
"$1" | cmp - "$2" || { echo "$2 is not what the table says: run \"make docs\"" >&2; exit 1; }
