declare module "utif2" {
  /** A directory of a TIFF; its tags are `t` and their number. */
  export interface Page {
    [tag: `t${number}`]: unknown[] | undefined;
    isLE: boolean;
    width: number;
    height: number;
    data: Uint8Array<ArrayBuffer>;
  }
  const UTIF: {
    decode: (buffer: ArrayBuffer) => Page[];
    decodeImage: (buffer: ArrayBuffer, page: Page, pages: Page[]) => void;
    toRGBA8: (page: Page) => Uint8Array;
  };
  export default UTIF;
}
