# SPDX-License-Identifier: MIT
"""python: objects with dicts, grouping, JSON there and back, strings."""

import json
import random

RANDOM = random.Random(53)


class Order:
    def __init__(self, number):
        self.number = number
        self.customer = f"customer-{RANDOM.randrange(5000)}"
        self.lines = [{"item": RANDOM.randrange(300), "text": "t" * RANDOM.randrange(80)} for _ in range(number % 7)]
        self.note = None

    def as_dict(self):
        return {"number": self.number, "customer": self.customer, "lines": self.lines, "note": self.note}


def main():
    orders = [Order(i) for i in range(35000)]
    by_customer = {}
    for order in orders:
        order.note = " ".join(line["text"][:9] for line in order.lines)
        by_customer.setdefault(order.customer, []).append(order)
    total = 0
    for _ in range(3):
        texts = [json.dumps([o.as_dict() for o in group]) for group in by_customer.values()]
        back = [json.loads(text) for text in texts]
        total += sum(len(group) for group in back)
        words = sorted(word for text in texts for word in text.split(",")[:20])
        total += len("\n".join(words).encode().upper())
    print(total)


main()
