import type { ParsedConfig } from "./schema.ts";

type DeepReadonly<T> = T extends (infer Item)[]
  ? readonly DeepReadonly<Item>[]
  : T extends object
    ? { readonly [Key in keyof T]: DeepReadonly<T[Key]> }
    : T;

type Parsed = DeepReadonly<ParsedConfig>;
type Replace<T, By> = Omit<T, keyof By> & By;
type With<T, Keys extends keyof T> = T & { readonly [Key in Keys]-?: NonNullable<T[Key]> };

// What the cross-field rules promise is said in the types: whoever has asked the discriminant needs no second check.
type Strategy = { readonly strategy: "blueGreen" } | { readonly strategy: "canary"; readonly image: string };

type Gateway =
  | (Parsed["gateway"] & { readonly enabled: false })
  | (With<Parsed["gateway"], "hostname"> & { readonly enabled: true });

type Secrets =
  | Replace<Parsed["secrets"], { readonly source: "existing" }>
  | Replace<
      Parsed["secrets"],
      { readonly source: "vault"; readonly store: With<Parsed["secrets"]["store"], "address"> }
    >;

type Issuer = Parsed["tls"]["issuer"];
type SignedIssuer =
  | Replace<With<Issuer, "email">, { readonly type: "acme" }>
  | Replace<With<Issuer, "caSecret">, { readonly type: "ca" }>
  | Replace<Issuer, { readonly type: "selfSigned" }>;
type Tls =
  | Replace<Parsed["tls"], { readonly enabled: false }>
  | Replace<Parsed["tls"], { readonly enabled: true; readonly issuer: SignedIssuer }>;

/**
 * One stack's whole configuration: checked, complete and deeply frozen. Durations and quantities stay text, as Kubernetes
 * takes them (`duration.ts` and `quantity.ts` read them); percentages are numbers from 0 to 100.
 */
export type StackConfig = Replace<
  Parsed,
  {
    /** The Pulumi stack's name, such as `production`. */
    readonly stack: string;
    /** Namespace of everything in the stack. */
    readonly namespace: string;
    /** The gates' namespace is filled in. */
    readonly network: Replace<Parsed["network"], { readonly gates: { readonly namespace: string } }>;
    /** Has a `hostname` where it is `enabled`. */
    readonly gateway: Gateway;
    /** Has a vault's `store.address` where `source` is `vault`. */
    readonly secrets: Secrets;
    /** Where `enabled`, an `acme` issuer has its `email` and a `ca` issuer its `caSecret`. */
    readonly tls: Tls;
  }
> &
  Strategy;

/** Freezes a plain value and everything in it, in place. */
export function deepFreeze<Value>(value: Value): Value {
  if (typeof value === "object" && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const member of Object.values(value)) deepFreeze(member);
  }
  return value;
}
