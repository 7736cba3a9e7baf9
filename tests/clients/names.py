"""A DNS server for tests: it says of names what it is told to, over UDP."""

import socket
import threading

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

TTL_S = 60


class Names:
    """A context manager. `texts` are TXT records by name (with the last dot); of all others it says that they are not."""

    def __init__(self, texts: dict[str, str]):
        self.texts = texts
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self.socket.getsockname()[1]}"
        self.thread = threading.Thread(target=self.answer)

    def __enter__(self) -> "Names":
        self.thread.start()
        return self

    def __exit__(self, *_):
        # An empty datagram ends it.
        self.socket.sendto(b"", self.socket.getsockname())
        self.thread.join()
        self.socket.close()

    def answer(self):
        while True:
            packet, client = self.socket.recvfrom(4096)
            if not packet:
                return
            query = dns.message.from_wire(packet)
            self.socket.sendto(self.response(query).to_wire(), client)

    def response(self, query: dns.message.Message) -> dns.message.Message:
        response = dns.message.make_response(query)
        response.flags |= dns.flags.RA
        (question,) = query.question
        text = self.texts.get(question.name.to_text().lower())
        if text is None:
            response.set_rcode(dns.rcode.NXDOMAIN)
        elif question.rdtype == dns.rdatatype.TXT:
            strings = " ".join(f'"{text[at:at + 255]}"' for at in range(0, len(text), 255))
            response.answer.append(dns.rrset.from_text(question.name, TTL_S, "IN", "TXT", strings))
        return response
