"""The five checksum algorithms, by independent code (hashlib, zlib, awscrt)."""

import base64
import hashlib
import zlib

import awscrt.checksums

ALGORITHMS = ["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"]


def raw(algorithm: str, data: bytes) -> bytes:
    if algorithm == "CRC32":
        return zlib.crc32(data).to_bytes(4, "big")
    if algorithm == "CRC32C":
        return awscrt.checksums.crc32c(data).to_bytes(4, "big")
    if algorithm == "CRC64NVME":
        return awscrt.checksums.crc64nvme(data).to_bytes(8, "big")
    return hashlib.new(algorithm.lower(), data).digest()


def encoded(algorithm: str, data: bytes) -> str:
    return base64.b64encode(raw(algorithm, data)).decode()


def composite(algorithm: str, bodies: list[bytes]) -> str:
    joined = b"".join(raw(algorithm, body) for body in bodies)
    return f"{encoded(algorithm, joined)}-{len(bodies)}"


def member(algorithm: str) -> str:
    """The name of the checksum's field in boto3's requests and answers."""
    return f"Checksum{algorithm}"
