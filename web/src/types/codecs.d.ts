declare module "@cornerstonejs/codec-openjpeg/decodewasmjs" {
  const factory: unknown;
  export default factory;
}
declare module "@cornerstonejs/codec-charls/decodewasmjs" {
  const factory: unknown;
  export default factory;
}
declare module "@cornerstonejs/codec-libjpeg-turbo-8bit/decodewasmjs" {
  const factory: unknown;
  export default factory;
}
declare module "dicom-character-set" {
  export function convertBytes(
    specificCharacterSet: string,
    bytes: Uint8Array,
    options: { vr: string },
  ): string;
}
declare module "jpeg-lossless-decoder-js" {
  export class Decoder {
    frame: { dimX: number; dimY: number };
    decode(buffer: ArrayBuffer, offset: number, length: number, bytes: number): unknown;
  }
}
