"""Graphs of models: nodes and the edges between them."""

from __future__ import annotations

from typing import Any

from steelyard.errors import Invalid
from steelyard.sdk.media.media import Media, encode_json, lists_of
from steelyard.sdk.media.value import WBValue


class Node(WBValue):
    """A node of a `Graph`: a layer, say. Whatever is given becomes an attribute and is logged.

    Args:
        node: another one, of which all but the id is taken over.
    """

    def __init__(
        self,
        id: Any = None,
        name: Any = None,
        class_name: Any = None,
        size: Any = None,
        parameters: Any = None,
        output_shape: Any = None,
        is_output: Any = None,
        num_parameters: Any = None,
        node: Node | None = None,
    ) -> None:
        given = {
            "id": id,
            "name": name,
            "class_name": class_name,
            "size": size if size is None else tuple(size),
            "parameters": parameters,
            "output_shape": output_shape,
            "is_output": is_output,
            "num_parameters": num_parameters,
        }
        own: dict[str, Any] = {"name": None}
        if node is not None:
            own |= {key: value for key, value in node._attributes.items() if key != "id"}
        own |= {key: value for key, value in given.items() if value is not None}
        self._attributes: dict[str, Any] = own
        self.obj: Any = None if node is None else node.obj

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return self._attributes.get(name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name.startswith("_") or name == "obj":
            object.__setattr__(self, name, value)
        else:
            self._attributes[name] = tuple(value) if name == "size" else value

    def to_json(self, run_or_artifact: Any = None) -> dict[str, Any]:
        return self._attributes

    @classmethod
    def from_keras(cls, layer: Any) -> Node:
        """The node of a layer of Keras."""
        return cls(
            id=layer.name,
            name=layer.name,
            class_name=type(layer).__name__,
            output_shape=getattr(layer, "output_shape", ["multiple"]),
            num_parameters=layer.count_params(),
        )

    def __repr__(self) -> str:
        return repr(self._attributes)


class Edge(WBValue):
    """An edge of a `Graph`."""

    def __init__(self, from_node: Node, to_node: Node) -> None:
        self.from_node: Node = from_node
        self.to_node: Node = to_node

    def to_json(self, run_or_artifact: Any = None) -> list[Any]:
        return [self.from_node.id, self.to_node.id]

    def __repr__(self) -> str:
        return f"Edge({self.from_node.id!r}, {self.to_node.id!r})"


class Graph(Media):
    """A graph of nodes, for the structure of a model.

    Args:
        format: how it is to be drawn.
    """

    _log_type = "graph-file"
    _media_dir = "media/graph"

    def __init__(self, format: str = "keras") -> None:
        super().__init__()
        self.format: str = format
        self.nodes: list[Node] = []
        self.nodes_by_id: dict[Any, Node] = {}
        self.edges: list[Edge] = []
        self.root: Node | None = None

    def __getitem__(self, nid: Any) -> Node:
        return self.nodes_by_id[nid]

    def add_node(self, node: Node | None = None, **node_kwargs: Any) -> Node:
        """Add a node, or make one of the arguments."""
        if node is None:
            node = Node(**node_kwargs)
        elif node_kwargs:
            raise Invalid("add_node() takes a node, or what to make one of, not both")
        self.nodes.append(node)
        self.nodes_by_id[node.id] = node
        return node

    def add_edge(self, from_node: Node, to_node: Node) -> Edge:
        """Add an edge."""
        edge = Edge(from_node, to_node)
        self.edges.append(edge)
        return edge

    def bind_to_run(
        self,
        run: Any,
        key: int | str,
        step: int | str,
        id_: int | str | None = None,
        ignore_copy_err: bool | None = None,
    ) -> None:
        """Write the graph as it is now into the run."""
        content = {
            "format": self.format,
            "nodes": [node.to_json() for node in self.nodes],
            "edges": [edge.to_json() for edge in self.edges],
        }
        self._set_content(encode_json(lists_of(content)), ".graph.json")
        super().bind_to_run(run, key, step, id_, ignore_copy_err)

    @classmethod
    def from_keras(cls, model: Any) -> Graph:
        """The layers of a model of Keras (before Keras 3), and which feeds which."""
        graph = cls()
        relevant = {
            id(node) for nodes in getattr(model, "_nodes_by_depth", {}).values() for node in nodes
        }
        for layer in model.layers:
            node = Node.from_keras(layer)
            for inbound in getattr(layer, "_inbound_nodes", ()):
                if relevant and id(inbound) not in relevant:
                    continue
                before = inbound.inbound_layers
                for source in before if isinstance(before, list | tuple) else [before]:
                    if source.name not in graph.nodes_by_id:
                        graph.add_node(Node.from_keras(source))
                    graph.add_edge(graph.nodes_by_id[source.name], node)
            graph.add_node(node)
        return graph
