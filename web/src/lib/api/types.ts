/** The names under which the rest of the page knows the shapes of openapi.json. */

import type { components } from "@/api-types.gen";

type Schemas = components["schemas"];

export type ImageAnswer = Schemas["ImageAnswer"];
export type SeriesAnswer = Schemas["SeriesAnswer"];
export type StudyAnswer = Schemas["StudyAnswer"];
export type ErrorAnswer = Schemas["ErrorAnswer"];
export type Answer = ImageAnswer | SeriesAnswer | StudyAnswer | ErrorAnswer;
export type Job = Schemas["Job"];
export type SliceView = Schemas["SliceView"];
export type ModelCard = Schemas["ModelCard"];
export type Sample = Schemas["Sample"];
