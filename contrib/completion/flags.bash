# SPDX-License-Identifier: Apache-2.0
# Completion for bash of the programs that take flags and no words: maglevd, maglevd-frontend,
# maglev-lbsim and maglevt. It is installed under each of their names.

# Each flag with the kind of its value: bool, file, one of some words (a,b,c), or text, of which nothing
# is known. They are those that --help tells (a test compares). -g: bash-completion reads this within a
# function.
declare -gA _vpp_maglev_flags=(
	[maglevd]='check=bool config=file grpc-addr=text grpc-allow-remote-admin=bool
		grpc-client-ca=file grpc-tls-cert=file grpc-tls-key=file log-level=debug,info,warn,error
		metrics-addr=text probe-threads=text reflection=bool vpp-api-addr=file
		vpp-stats-addr=file'
	[maglevd-frontend]='listen=text log-level=debug,info,warn,error server=text tls-ca=file
		tls-cert=file tls-key=file'
	[maglev-lbsim]='api-socket=file control=file drop-message=text forward=bool
		forward-device=text gc-interval=text journal=file journal-reads=bool
		log-level=debug,info,warn,error stats-socket=file version-string=text'
	[maglevt]='config=file count=text duration=text filter=text header=text host=text
		insecure=bool interval=text json=bool keepalive=bool path=text
		scheme=auto,http,https,tcp timeout=text uri=text'
)

# The kind of a flag's value, on a line of its own; nothing for what is no flag. $1: the program, $2: the
# word, with one dash or two
_vpp_maglev_kind()
{
	local name=${2#-} flag
	for flag in ${_vpp_maglev_flags[$1]} version=bool help=bool; do
		[[ $2 != -* || ${flag%%=*} != "${name#-}" ]] || echo "${flag#*=}"
	done
}

_vpp_maglev()
{
	local program=${1##*/} word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} kind flags
	local given=  # behind a "=", which bash takes for a word
	if [[ $word == = ]]; then
		word='' given=1
	elif [[ $before == = ]] && ((COMP_CWORD > 2)); then
		before=${COMP_WORDS[COMP_CWORD-2]} given=1
	fi
	kind=$(_vpp_maglev_kind "$program" "$before")
	COMPREPLY=()
	case ${given:+value-}$kind in
	file | value-file) compopt -o default ;;
	text | value-text | value-) ;;
	value-bool) mapfile -t COMPREPLY < <(compgen -W 'true false' -- "$word") ;;
	'' | bool) # these take no value but behind a "="
		word=${word#-}
		read -d '' -ra flags <<<"${_vpp_maglev_flags[$program]} version help"
		mapfile -t COMPREPLY < <(compgen -P -- -W "${flags[*]%%=*}" -- "${word#-}")
		;;
	*) mapfile -t COMPREPLY < <(compgen -W "${kind//,/ }" -- "$word") ;;
	esac
}
complete -F _vpp_maglev maglevd maglevd-frontend maglev-lbsim maglevt
