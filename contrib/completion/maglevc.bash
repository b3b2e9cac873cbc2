# SPDX-License-Identifier: Apache-2.0
# Completion of maglevc for bash. All that it knows comes from maglevc's own table of commands and,
# for names, from the daemon that the line (or MAGLEV_SERVER) names.
_maglevc()
{
	# $1: the program as it was typed; $2: what bash will replace
	mapfile -t COMPREPLY < <("${1/#\~/$HOME}" __complete "${COMP_LINE:0:COMP_POINT}" "$2" 2>/dev/null)
}
complete -o default -F _maglevc maglevc
