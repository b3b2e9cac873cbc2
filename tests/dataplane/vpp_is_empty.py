#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Is there a VPP at MAGLEV_TEST_VPP_API, is it one we can talk to, and has its lb plugin no VIP?

Asked by `make test-vpp` before it builds anything, and again at the end. Exit 1 with the reason."""
import os
import pathlib
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "e2e"))
import vppapi  # noqa: E402

TIMEOUT = 10  # seconds for an answer


def no(why):
    print(f"test-vpp: {why}", file=sys.stderr)
    sys.exit(1)


def main():
    api, stats = os.environ.get("MAGLEV_TEST_VPP_API"), os.environ.get("MAGLEV_TEST_VPP_STATS")
    if not api:
        no("MAGLEV_TEST_VPP_API must name the API socket of a VPP to test on")
    if not stats:
        no("MAGLEV_TEST_VPP_STATS must name the stats socket of that VPP")
    try:
        with vppapi.Client(api, "test-vpp", TIMEOUT) as c:
            missing = [vppapi.full_name(n) for n in vppapi.MESSAGES if n not in c.names.values()]
            if missing:
                no(f"the VPP at {api} lacks {', '.join(missing)}: VPP 26.10 or newer is needed, "
                   "with its lb plugin")
            vips = list(c.vips())
    except TimeoutError:
        no(f"the VPP at {api} does not answer within {TIMEOUT} s")
    except (OSError, vppapi.Closed, vppapi.Refused, ValueError) as e:
        no(f"no VPP answers at {api}: {e or type(e).__name__}")
    if vips:
        no(f"the VPP at {api} has VIPs ({len(vips)}, {vips[0].prefix} among them): "
           "this takes an empty one over and would remove them")
    if not pathlib.Path(stats).is_socket():
        no(f"{stats} is no socket: is VPP's statseg configured?")


main()
