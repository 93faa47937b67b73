"""What can be logged besides numbers and text: `from steelyard.data_types import Image`."""

from __future__ import annotations

from steelyard.sdk.histogram import Histogram
from steelyard.sdk.media.audio import Audio
from steelyard.sdk.media.bokeh import Bokeh
from steelyard.sdk.media.boxes import BoundingBoxes2D
from steelyard.sdk.media.classes import Classes
from steelyard.sdk.media.graph import Edge, Graph, Node
from steelyard.sdk.media.html import Html
from steelyard.sdk.media.image import Image
from steelyard.sdk.media.mask import ImageMask
from steelyard.sdk.media.media import BatchableMedia, Media
from steelyard.sdk.media.molecule import Molecule
from steelyard.sdk.media.object3d import Object3D, box3d
from steelyard.sdk.media.plotly import Plotly
from steelyard.sdk.media.value import WBValue
from steelyard.sdk.media.video import Video
from steelyard.sdk.tables.eval_table import EvalTable
from steelyard.sdk.tables.joined import JoinedTable
from steelyard.sdk.tables.partitioned import PartitionedTable
from steelyard.sdk.tables.table import Table

__all__ = [
    "Audio",
    "BatchableMedia",
    "Bokeh",
    "BoundingBoxes2D",
    "Classes",
    "Edge",
    "EvalTable",
    "Graph",
    "Histogram",
    "Html",
    "Image",
    "ImageMask",
    "JoinedTable",
    "Media",
    "Molecule",
    "Node",
    "Object3D",
    "PartitionedTable",
    "Plotly",
    "Table",
    "Video",
    "WBValue",
    "box3d",
]
