/** Conditions put together: all of them or any, and groups of them, one level deep. */

import type { JsonObject } from "../api/types";
import { type Condition, describeCondition, toTest } from "./filterModel";

export type Match = "all" | "any";

/** Conditions that count as one. */
export interface Group {
  match: Match;
  conditions: readonly Condition[];
}

export type Clause = Condition | Group;

export interface Filter {
  match: Match;
  clauses: readonly Clause[];
}

/** A condition by its place: of the clauses, and in a group of them. */
export interface Place {
  clause: number;
  part: number | null;
}

/** Where a condition goes: beside the clauses, into a new group, or into the group of that place. */
export type Target = "alone" | "new" | number;

export function isGroup(clause: Clause): clause is Group {
  return "conditions" in clause;
}

export function countConditions(clauses: readonly Clause[]): number {
  return clauses.reduce((sum, each) => sum + (isGroup(each) ? each.conditions.length : 1), 0);
}

/** The filter as the server takes it; null for none. */
export function toWhere({ match, clauses }: Filter): JsonObject | null {
  return clauses.length === 0 ? null : join(match, clauses.map(toPart));
}

function toPart(clause: Clause): JsonObject {
  return isGroup(clause) ? join(clause.match, clause.conditions.map(toTest)) : toTest(clause);
}

function join(match: Match, parts: JsonObject[]): JsonObject {
  return match === "all" ? { and: parts } : { or: parts };
}

export function find({ clauses }: Filter, { clause, part }: Place): Condition | null {
  const found = clauses[clause];
  if (found === undefined) return null;
  return isGroup(found) ? (found.conditions[part ?? 0] ?? null) : found;
}

/** Without the condition there; a group goes with its last one. */
export function remove({ match, clauses }: Filter, { clause, part }: Place): Filter {
  const rest = clauses.flatMap((each, index): Clause[] => {
    if (index !== clause) return [each];
    if (!isGroup(each)) return [];
    const conditions = each.conditions.filter((_, i) => i !== part);
    return conditions.length === 0 ? [] : [{ ...each, conditions }];
  });
  return { match, clauses: rest };
}

/** Adds a condition. A new group is what the filter is not: one of "any" within "all". */
export function add({ match, clauses }: Filter, condition: Condition, to: Target): Filter {
  if (to === "alone") return { match, clauses: [...clauses, condition] };
  if (to === "new") {
    const group: Group = { match: match === "all" ? "any" : "all", conditions: [condition] };
    return { match, clauses: [...clauses, group] };
  }
  const into = (each: Clause): Clause =>
    isGroup(each)
      ? { ...each, conditions: [...each.conditions, condition] }
      : { match: match === "all" ? "any" : "all", conditions: [each, condition] };
  return { match, clauses: clauses.map((each, i) => (i === to ? into(each) : each)) };
}

/** Puts another condition there. */
export function replace(filter: Filter, { clause, part }: Place, condition: Condition): Filter {
  const clauses = filter.clauses.map((each, index): Clause => {
    if (index !== clause) return each;
    if (!isGroup(each)) return condition;
    return { ...each, conditions: each.conditions.map((old, i) => (i === part ? condition : old)) };
  });
  return { ...filter, clauses };
}

export function setMatch(filter: Filter, clause: number | null, match: Match): Filter {
  if (clause === null) return { ...filter, match };
  const clauses = filter.clauses.map((each, i) =>
    i === clause && isGroup(each) ? { ...each, match } : each,
  );
  return { ...filter, clauses };
}

/**
 * What passes the filter and all of the conditions too. Conditions of the last groups or bars clicked stand at the end,
 * from where `widen` takes them again.
 */
export function narrow(filter: Filter, conditions: readonly Condition[]): Filter {
  const { match, clauses } = filter;
  if (match === "all" || clauses.length < 2) {
    return { match: "all", clauses: [...clauses, ...conditions] };
  }
  const isFlat = clauses.every((each) => !isGroup(each) || each.match === "any" || isOne(each));
  if (isFlat) {
    const any = clauses.flatMap((each) => (isGroup(each) ? each.conditions : [each]));
    return { match: "all", clauses: [{ match: "any", conditions: any }, ...conditions] };
  }
  // "Any" of things that are "all" of something cannot be a group; the conditions go into each.
  const spread = clauses.flatMap((each): (readonly Condition[])[] => {
    if (!isGroup(each)) return [[each]];
    return each.match === "all" ? [each.conditions] : each.conditions.map((one) => [one]);
  });
  return {
    match: "any",
    clauses: spread.map((own) => ({ match: "all", conditions: [...own, ...conditions] })),
  };
}

/** What passed before `narrow` added so many conditions. */
export function widen({ match, clauses }: Filter, count: number): Filter {
  if (count === 0) return { match, clauses };
  if (match === "all") {
    return { match, clauses: clauses.slice(0, Math.max(0, clauses.length - count)) };
  }
  const rest = clauses.flatMap((each): Clause[] => {
    if (!isGroup(each) || each.match === "any") return [each];
    const conditions = each.conditions.slice(0, Math.max(0, each.conditions.length - count));
    return conditions.length === 0 ? [] : [{ ...each, conditions }];
  });
  return { match, clauses: rest };
}

function isOne({ conditions }: Group): boolean {
  return conditions.length === 1;
}

/** "kind is a or kind is b", for labels. */
export function describeClause(clause: Clause): string {
  if (!isGroup(clause)) return describeCondition(clause);
  return clause.conditions.map(describeCondition).join(clause.match === "all" ? " and " : " or ");
}
