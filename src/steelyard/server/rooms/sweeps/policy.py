"""Who may see and steer sweeps: whoever may see and change their project. One place.

A sweep or an agent that may not be seen counts as absent.
"""

from __future__ import annotations

from sqlalchemy.engine import Connection

from steelyard.errors import AgentNotFound, Forbidden, SweepNotFound
from steelyard.server.rooms.accounts.model import Caller
from steelyard.server.rooms.accounts.policy import may_read_entity, may_write_entity
from steelyard.server.rooms.projects.policy import get_readable_project, get_writable_project
from steelyard.server.rooms.sweeps.model import Sweep, SweepAgent
from steelyard.server.rooms.sweeps.queries import (
    find_agent_by_id,
    find_sweep,
    find_sweep_by_id,
    get_sweep_by_id,
)


def get_readable_sweep(
    conn: Connection, caller: Caller, entity: str, project: str, name: str
) -> Sweep:
    """The sweep at a path. Raises ProjectNotFound or SweepNotFound, also for what is not theirs."""
    found = get_readable_project(conn, caller, entity, project)
    sweep = find_sweep(conn, found.id, name)
    if sweep is None:
        raise SweepNotFound(f"{found.entity}/{found.name}/{name}")
    return sweep


def get_writable_sweep(
    conn: Connection, caller: Caller, entity: str, project: str, name: str
) -> Sweep:
    """The sweep at a path, to change it or to work for it. As above, and Forbidden for viewers."""
    get_writable_project(conn, caller, entity, project)
    return get_readable_sweep(conn, caller, entity, project, name)


def get_writable_sweep_by_id(conn: Connection, caller: Caller, sweep_id: int) -> Sweep:
    """The sweep with that number, to change it. Raises SweepNotFound, or Forbidden for viewers."""
    sweep = find_sweep_by_id(conn, sweep_id)
    if sweep is None or not may_read_entity(caller, sweep.entity_id):
        raise SweepNotFound(f"with the id {sweep_id}")
    require_writable(caller, sweep)
    return sweep


def get_own_agent(conn: Connection, caller: Caller, agent_id: int) -> tuple[SweepAgent, Sweep]:
    """The agent with that number and its sweep, for whoever speaks for it.

    Raises AgentNotFound for one that is absent or not the caller's to see, Forbidden for viewers.
    """
    agent = find_agent_by_id(conn, agent_id)
    sweep = None if agent is None else get_sweep_by_id(conn, agent.sweep_id)
    if agent is None or sweep is None or not may_read_entity(caller, sweep.entity_id):
        raise AgentNotFound(f"with the id {agent_id}")
    require_writable(caller, sweep)
    return agent, sweep


def require_writable(caller: Caller, sweep: Sweep) -> None:
    """Forbidden unless the caller may change this sweep and run its trials."""
    if not may_write_entity(caller, sweep.entity_id):
        raise Forbidden(
            f"you are a viewer in {sweep.entity!r} and may not work for the sweep {sweep.path}; "
            "ask one of its admins"
        )
