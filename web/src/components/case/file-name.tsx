import { Fragment } from "react";

interface FileNameProps {
  name: string;
  className?: string | undefined;
}

/** A file's name that breaks behind its separators rather than within its words. */
export function FileName({ name, className }: FileNameProps) {
  const parts = name.split(/(?<=[_./-])/);
  return (
    <span className={className}>
      {parts.map((part, place) => (
        // The parts of one name never change places.
        <Fragment key={place}>
          {place > 0 ? <wbr /> : null}
          {part}
        </Fragment>
      ))}
    </span>
  );
}
