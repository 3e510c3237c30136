/*
 * Pixel data frame by frame, whatever it is coded in, so that an image of any size passes through the memory of one frame. The codecs are DCMTK's
 * (RLE, JPEG, JPEG-LS) and OpenJPEG's. C++, private to lib/dicom.
 */
#ifndef YQ_DICOM_PIXEL_FRAME_H
#define YQ_DICOM_PIXEL_FRAME_H

#include "lib/dicom/internal.h"

#include "dcmtk/dcmdata/dctk.h"

#include <memory>
#include <string>
#include <vector>

#include "lib/dicom/jpeg2000.h"

/* What tells how the bytes of a frame are to be read: the module of PS3.3 section C.7.6.3, without the number of frames. */
using pixel_shape = std::unique_ptr<DcmDataset>;

class PixelReader
{
      public:
	/* Borrows the dataset. */
	PixelReader(DcmDataset &dataset, E_TransferSyntax syntax) : dataset_(dataset), syntax_(syntax)
	{
	}
	/* ERR_REFUSED: no image, or of a kind that is not read here. */
	bool open(struct err *err);
	size_t frames() const
	{
		return frames_;
	}
	/* Of an encapsulated frame: its fragments, the last excluded. */
	void fragments(size_t frame, unsigned long *out_first, unsigned long *out_end) const
	{
		*out_first = first_[frame];
		*out_end = first_[frame + 1];
	}
	/* As uncompressed pixels, little endian, with the shape that they have then. ERR_INVALID: they cannot be decoded. */
	bool read(size_t frame, std::vector<Uint8> *out, pixel_shape *shape, struct err *err);

      private:
	DcmDataset &dataset_;
	E_TransferSyntax syntax_;
	pixel_shape
	    coded_; /* as it was at open(): who writes the object anew changes the dataset after the first frame */
	DcmPixelData *pixels_ = nullptr;
	DcmPixelSequence *fragments_ = nullptr; /* of encapsulated ones */
	size_t frames_ = 0, frame_bytes_ = 0;
	std::vector<unsigned long> first_; /* fragment of each frame, and one past the last */

	bool check_shape(struct err *err);
	bool find_fragments(struct err *err);
	bool find_by_offsets(struct err *err);
	bool find_by_starts(struct err *err);
	bool read_native(size_t frame, std::vector<Uint8> *out, struct err *err);
	bool gather(size_t frame, std::vector<std::vector<Uint8>> *out, struct err *err);
};

/* One frame coded anew, as its fragments; *shape becomes that of the coded frame. ERR_REFUSED when the pixels would not come back bit for bit. */
bool pixel_frame_encode(E_TransferSyntax to, const std::vector<Uint8> &frame, pixel_shape *shape,
                        std::vector<std::vector<Uint8>> *out, struct err *err);

/* Equal in every attribute. */
bool pixel_shape_is_same(DcmDataset &one, DcmDataset &other);
/* Writes the attributes of a shape into a dataset. */
bool pixel_shape_apply(DcmDataset &shape, DcmDataset &dataset);

#endif
