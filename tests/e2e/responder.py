# SPDX-License-Identifier: Apache-2.0
"""Many small servers in one process: responder.py PLAIN_PORT TLS_PORT CERT KEY ADDRESS…

Answers every HTTP request with "ok" after a moment, so that at any time some probes are under way,
and closes a connection that stays silent: sooner than a checker that sleeps for half a minute comes
back to it, and later than one whose machine is busy.
"""
import asyncio
import resource
import ssl
import sys

PATIENCE = 20
DELAY = 0.03
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nok\n"


async def serve(reader, writer):
    try:
        await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), PATIENCE)
        await asyncio.sleep(DELAY)
        writer.write(ANSWER)
        await writer.drain()
    except (asyncio.TimeoutError, asyncio.IncompleteReadError, OSError):
        pass
    finally:
        writer.close()


def quiet(loop, context):
    """Probes end with a reset; TLS says so at length."""


async def main(plain, tls, cert, key, addresses):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    asyncio.get_running_loop().set_exception_handler(quiet)
    for address in addresses:
        await asyncio.start_server(serve, address, plain, backlog=1024)
        await asyncio.start_server(serve, address, tls, backlog=1024, ssl=context,
                                   ssl_handshake_timeout=PATIENCE)
    print("ready", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4], sys.argv[5:]))
