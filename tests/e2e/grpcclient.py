# SPDX-License-Identifier: Apache-2.0
"""maglevd through grpcio, with messages made from the .proto files by protoc.

Stubs are not generated: methods are called by their names on generic channels.
"""
import functools
import importlib
import os
import pathlib
import subprocess
import sys
import tempfile

# Before gRPC is loaded: our children exec at once, and gRPC 1.51's own preparation for a fork now and
# then waits for ever.
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")

import grpc
import pytest

from processes import DEADLINE

ROOT = pathlib.Path(__file__).resolve().parents[2]
STANDARD = pathlib.Path("/usr/share/grpc-proto")
PROTOS = ["maglev.proto", "grpc/health/v1/health.proto", "grpc/reflection/v1/reflection.proto",
          "grpc/reflection/v1alpha/reflection.proto"]
Code = grpc.StatusCode


@functools.lru_cache(None)
def made():
    out = pathlib.Path(tempfile.mkdtemp(prefix="maglev-pb-"))
    subprocess.run(["protoc", "-I", ROOT / "proto", "-I", STANDARD, f"--python_out={out}", *PROTOS],
                   check=True)
    for source in out.rglob("*_pb2.py"):
        # Flat: "grpc" is a package already.
        source.rename(out / ("_".join(source.relative_to(out).parts)))
    sys.path.insert(0, str(out))
    return out


def messages(name):
    """The module of one .proto file: "maglev", "grpc_health_v1_health", …"""
    made()
    return importlib.import_module(f"{name}_pb2")


def pb():
    return messages("maglev")


# Method: request, response, streams.
def methods():
    service = pb().DESCRIPTOR.services_by_name["Maglev"]
    return {m.name: (getattr(pb(), m.input_type.name), getattr(pb(), m.output_type.name), m.server_streaming)
            for m in service.methods}


class Client:
    """A channel of its own and what is called on it."""

    def __init__(self, target, credentials=None, options=()):
        options = [("grpc.use_local_subchannel_pool", 1), *options]
        self.channel = (grpc.secure_channel(target, credentials, options) if credentials
                        else grpc.insecure_channel(target, options))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.channel.close()

    def call(self, method, timeout=DEADLINE, **fields):
        """The answer of a unary method."""
        request, response, _ = methods()[method]
        f = self.channel.unary_unary(f"/maglev.Maglev/{method}", request.SerializeToString,
                                     response.FromString)
        return f(request(**fields), timeout=timeout)

    def watch(self, timeout=DEADLINE, **fields):
        """The stream of WatchEvents."""
        f = self.channel.unary_stream("/maglev.Maglev/WatchEvents", pb().WatchRequest.SerializeToString,
                                      pb().Event.FromString)
        return f(pb().WatchRequest(**fields), timeout=timeout)

    def health(self, service="", timeout=DEADLINE):
        h = messages("grpc_health_v1_health")
        f = self.channel.unary_unary("/grpc.health.v1.Health/Check",
                                     h.HealthCheckRequest.SerializeToString,
                                     h.HealthCheckResponse.FromString)
        return h.HealthCheckResponse.ServingStatus.Name(
            f(h.HealthCheckRequest(service=service), timeout=timeout).status)

    def watch_health(self, service="", timeout=DEADLINE):
        h = messages("grpc_health_v1_health")
        f = self.channel.unary_stream("/grpc.health.v1.Health/Watch",
                                      h.HealthCheckRequest.SerializeToString,
                                      h.HealthCheckResponse.FromString)
        for answer in f(h.HealthCheckRequest(service=service), timeout=timeout):
            yield h.HealthCheckResponse.ServingStatus.Name(answer.status)

    def reflect(self, version, *questions):
        """Asks one thing after another on one stream; the answers."""
        r = messages(f"grpc_reflection_{version}_reflection")
        f = self.channel.stream_stream(
            f"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo",
            r.ServerReflectionRequest.SerializeToString, r.ServerReflectionResponse.FromString)
        return list(f(iter([r.ServerReflectionRequest(**q) for q in questions]), timeout=DEADLINE))


def fails(code, function, *args, **kwargs):
    """The error's text; it has to be this one."""
    with pytest.raises(grpc.RpcError) as e:
        result = function(*args, **kwargs)
        if hasattr(result, "__next__"):
            list(result)
    assert e.value.code() == code, f"{e.value.code()}: {e.value.details()}"
    return e.value.details()


def start(cluster, config, *flags, host="127.0.0.1", credentials=None, **kwargs):
    """maglevd on a TCP port."""
    d = cluster.start_maglevd(config, "--grpc-addr", f"{host}:0", *flags, ready=False, **kwargs)
    return d.on_tcp(host)
