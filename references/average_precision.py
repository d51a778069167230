"""Computes the average precision of random detections with pycocotools. The test in
`plugins/evaluators/burn/src/metrics/average_precision.rs` draws the same detections and expects these figures.

    pip install pycocotools
    python references/average_precision.py
"""

import contextlib
import io

from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval


def numbers():
    """The linear congruential generator of the test."""
    state = 7
    while True:
        state = (state * 1103515245 + 12345) % 2**31
        yield state >> 16


draw = numbers()
below = lambda n: next(draw) % n
IMAGES, CLASSES = 12, 4
gts, dts = [], []
for image in range(IMAGES):
    objects = []
    for _ in range(below(6)):
        x, y, w, h = below(60), below(60), 4 + below(36), 4 + below(36)
        cls, crowd = below(CLASSES - 1), int(below(8) == 0)
        objects.append((x, y, w, h, cls))
        box = dict(bbox=[x, y, w, h], area=w * h, iscrowd=crowd)
        gts.append(dict(id=len(gts) + 1, image_id=image + 1, category_id=cls + 1, **box))
    for x, y, w, h, cls in objects:
        for _ in range(below(4)):
            nx, ny = x + below(7) - 3, y + below(7) - 3
            nw, nh = max(1, w + below(7) - 3), max(1, h + below(7) - 3)
            c = cls if below(6) else below(CLASSES)
            dts.append(dict(image_id=image + 1, category_id=c + 1, bbox=[nx, ny, nw, nh], score=(1 + below(32)) / 32))
    for _ in range(below(4)):
        x, y, w, h = below(60), below(60), 4 + below(36), 4 + below(36)
        box = dict(bbox=[x, y, w, h])
        dts.append(dict(image_id=image + 1, category_id=below(CLASSES) + 1, **box, score=(1 + below(32)) / 64))
print(len(gts), sum(g['iscrowd'] for g in gts), len(dts))
with contextlib.redirect_stdout(io.StringIO()):
    coco = COCO()
    images = [dict(id=i + 1, width=100, height=100) for i in range(IMAGES)]
    categories = [dict(id=c + 1, name=str(c)) for c in range(CLASSES)]
    coco.dataset = dict(info={}, images=images, annotations=gts, categories=categories)
    coco.createIndex()
    ev = COCOeval(coco, coco.loadRes(dts), 'bbox')
    ev.evaluate()
    ev.accumulate()
    ev.summarize()
p = ev.eval['precision'][:, :, :, 0, 2]
print(repr(ev.stats[0]), repr(ev.stats[1]))
for k in range(CLASSES):
    print(k, [float(p[t, :, k].mean()) for t in range(10)])
