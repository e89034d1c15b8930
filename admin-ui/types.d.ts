// The types of the API as the UI uses them, all taken from openapi.yaml. The
// test run makes the module `standin-api` from it; no browser loads this file.

import type { components, operations, paths } from 'standin-api';

type Schemas = components['schemas'];
export type RegularMount = Schemas['RegularMount'];
/** Flat, where openapi.yaml has alternatives: a forced host, or allowed ones. */
export type TransparentMount = Omit<RegularMount, 'kind' | 'address' | 'strip_prefix' | 'host_header'> & {
  kind: 'transparent';
  force_host?: Schemas['ForceHost'];
  force_scheme?: Schemas['Scheme'];
  allowed_hosts?: Schemas['AllowedHosts'];
};
export type Mount = RegularMount | TransparentMount;
/** A mount of a list that was asked for some members only. */
export type Row = Schemas['MountFields'];
export type Field = keyof Row;
export type MountSpec = Schemas['MountSpec'];
export type MountStats = Schemas['MountStats'];
export type ProcessStats = Schemas['ProcessStats'];
export type State = Schemas['State'];
export type Revision = Schemas['Revision'];
export type DryRun = Schemas['DryRun'];
export type Imported = Schemas['Imported'];
export type Explanation = Schemas['Explanation'];
export type Operation = Schemas['Operation'];
export type TrafficEntry = Schemas['TrafficEntry'];
export type Token = Schemas['Token'];
export type Problem = Schemas['Problem'];
export type Fault = Schemas['Fault'];

export type Name = keyof operations;
type Method = 'GET' | 'PUT' | 'POST' | 'PATCH' | 'DELETE';

/** Each operation's method and path, none of which may differ from openapi.yaml. */
export type Calls = {
  [N in Name]?: {
    [P in keyof paths]: {
      [M in Method]: paths[P] extends { [K in Lowercase<M>]: operations[N] } ? readonly [M, P] : never;
    }[Method];
  }[keyof paths];
};

type Content<T> = T extends { content: infer C } ? C[keyof C] : never;

/** What a call is given. */
export type Input<N extends Name> = {
  path?: operations[N]['parameters']['path'];
  query?: operations[N]['parameters']['query'];
  headers?: Record<string, string>;
  body?: 'requestBody' extends keyof operations[N] ? Content<NonNullable<operations[N]['requestBody']>> : never;
  /** How the body is sent, `application/json` unless said. */
  type?: string;
  signal?: AbortSignal;
  /** How long an answer may take. */
  ms?: number;
};

/** What it answers when all is well. */
export type Output<N extends Name> =
  N extends 'getMount' ? Mount
  : N extends 'listMounts' ? Omit<Schemas['MountList'], 'mounts'> & { mounts: Row[] }
  : Json<operations[N]['responses']>;
type Json<R> = Good<R> extends infer G ? (G extends { content: { 'application/json': infer J } } ? J : null) : never;
type Good<R> = R[Extract<keyof R, 200 | 201 | 202 | 204>];

/** Where the page is: `#/mounts/orgs/edit?tab=json` is mounts, orgs, edit. */
export type Place = { parts: string[]; query: URLSearchParams };

declare global {
  interface Window {
    /** As theme.js keeps it: light, dark or auto. */
    standinTheme: { get(): string; set(theme: string): void };
  }
}

/** A page: what it is called, and how it is made. It lives until `signal` is aborted. */
export type Page = (place: Place, signal: AbortSignal) => { title: string; node: HTMLElement };

/** What can stand in a node; what is not there is left out. */
export type Leaf = Node | string | number | null | undefined | false;
export type Child = Leaf | Child[];
export type Props = Record<string, unknown>;
