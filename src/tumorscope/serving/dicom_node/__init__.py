"""A DICOM storage node; needs the extra ``[dicom]``."""
