import type { en } from "@/messages/en";

export type MessageKey = keyof typeof en;
export type Catalogue = Record<MessageKey, string>;
