"""Sellers' texts for the sample: long, with several lines, and often with the price."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

PRICE_SHARE = 0.437  # of the texts that contain the price
PARAGRAPHS = (
    "Carfax available, ask us. Clean inside and out, runs & drives great.\n",
    'We finance everyone! Bad credit, no credit, first time buyer: "no problem".\n',
    "\N{FIRE} \N{AUTOMOBILE} LOW MILES, heated seats, backup camera, remote start \N{FIRE}\n",
    "Serious buyers only, no low ballers, I know what I have. Cash or cashier's check.\n",
    "Options:\n  - power windows, locks, mirrors\n  - A/C, cruise, Bluetooth\n  - alloy wheels\n",
    "New tires, brakes and battery last fall; oil changed every 5,000 miles.\n",
    "Call or text. If this ad is still up, it's still available.\n\n",
    "Keywords: ford, chevy, toyota, honda, nissan, jeep, dodge, ram, gmc, bmw, audi, kia\n",
)
PARAGRAPHS_PER_TEXT = 40


def add_descriptions(batch: pa.RecordBatch, rng: np.random.Generator) -> pa.RecordBatch:
    """The batch with its column `description` filled; about 3,000 characters each."""
    # All listings share a few hundred bodies: as long as real texts, and fast to generate.
    bodies = [
        "".join(PARAGRAPHS[i] for i in rng.integers(0, len(PARAGRAPHS), PARAGRAPHS_PER_TEXT))
        for _ in range(300)
    ]
    body = pa.array(bodies).take(pa.array(rng.integers(0, len(bodies), batch.num_rows)))
    has_price = pa.array(rng.random(batch.num_rows) < PRICE_SHARE)
    price = pc.if_else(has_price, batch.column("price"), "ask")
    model = pc.fill_null(batch.column("model"), "car")
    text = pc.binary_join_element_wise(model, "\n\nPrice: $", price, "\n\n", body, "")
    # The blank listings at the top have no date and no text.
    text = pc.if_else(pc.is_null(batch.column("posting_date")), None, text)
    index = batch.schema.get_field_index("description")
    return batch.set_column(index, "description", text)
