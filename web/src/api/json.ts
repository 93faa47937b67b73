/** Values that users log. NaN and the infinities come as the strings "NaN", "Infinity" and "-Infinity". */
export type JsonValue =
  | null
  | boolean
  | number
  | string
  | readonly JsonValue[]
  | { readonly [key: string]: JsonValue };

export type JsonObject = { readonly [key: string]: JsonValue };
