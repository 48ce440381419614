import { useQuery } from "@tanstack/react-query";
import { useCallback } from "react";

import styles from "@/components/case/thumb.module.css";
import type { Slice } from "@/domain/case";
import { pictureQuery } from "@/lib/api/queries";

/** A small picture of a slice; decoration beside its name. */
export function Thumb({ slice }: { slice: Slice | undefined }) {
  const path = slice?.view.image ?? "";
  const { data } = useQuery({ ...pictureQuery(path), enabled: path !== "" });
  return <span className={styles.frame}>{data ? <BlobImage blob={data} /> : null}</span>;
}

function BlobImage({ blob }: { blob: Blob }) {
  const show = useCallback(
    (image: HTMLImageElement) => {
      const url = URL.createObjectURL(blob);
      image.src = url;
      return () => {
        URL.revokeObjectURL(url);
      };
    },
    [blob],
  );
  return <img ref={show} alt="" className={styles.thumb} />;
}
